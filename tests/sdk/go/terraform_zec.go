package main

import (
	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	user "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/user20240529"
	zec "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zec20250901"
	zrm "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zrm20251014"
)

type zecDriver struct {
	pace
	client *zec.Client
	users  *user.Client
	tags   *zrm.Client
	id     string
}

// terraformZec does what the resource zenlayercloud_zec_instance does.
func terraformZec() {
	driver := &zecDriver{pace: providerPace()}
	driver.client = zec25With(terraformConfig(newWire()))
	driver.users = userWith(terraformConfig(newWire()))
	driver.tags = zrmWith(terraformConfig(newWire()))
	driver.create()
	driver.update()
	driver.delete()
	check(len(machines()) == 0, "machines are left")
}

func (d *zecDriver) create() {
	order := zec25Order()
	order.InstanceName = common.String("Terraform-Instance")
	order.Password = common.String("Terraform~1234")
	order.TimeZone = common.String("Asia/Shanghai")
	order.EnableAgent, order.EnableIpForward = common.Bool(true), common.Bool(false)
	order.SystemDisk = &zec.SystemDisk{DiskSize: common.Integer(40)}
	step("zec create", func() error {
		return d.whileTemporary(func() error {
			answer, err := d.client.CreateZecInstances(order)
			if err == nil {
				d.id = answer.Response.InstanceIdSet[0]
			}
			return err
		})
	})
	d.wait("zec create", []string{"PENDING", "DEPLOYING"}, []string{"RUNNING"}, false, d.look)
	check(*d.read().InstanceName == "Terraform-Instance", "drift")
	order.InstanceCount = common.Integer(50)
	err := d.whileTemporary(func() error { _, err := d.client.CreateZecInstances(order); return err })
	refused("a plan that breaks a rule", err, "OPERATION_DENIED_POLICY_VIOLATION", "count")
}

func (d *zecDriver) describe() (*zec.InstanceInfo, error) {
	request := zec.NewDescribeInstancesRequest()
	request.InstanceIds = []string{d.id}
	answer, err := d.client.DescribeInstances(request)
	if err != nil || len(answer.Response.DataSet) == 0 {
		return nil, err
	}
	return answer.Response.DataSet[0], nil
}

func (d *zecDriver) look() (state, error) {
	found, err := d.describe()
	if err != nil || found == nil {
		return state{}, err
	}
	return state{status: *found.Status, found: true}, nil
}

func (d *zecDriver) read() *zec.InstanceInfo {
	found, err := d.describe()
	check(err == nil && found != nil, "zec read: %v", err)
	return found
}

func (d *zecDriver) update() {
	ids := []string{d.id}
	step("zec rename", func() error {
		rename := zec.NewModifyInstancesAttributeRequest()
		rename.InstanceIds, rename.InstanceName = ids, common.String("renamed")
		if err := d.pace.update(func() error { _, err := d.client.ModifyInstancesAttribute(rename); return err }); err != nil {
			return err
		}
		check(*d.read().InstanceName == "renamed", "the name stays")
		return nil
	})
	step("zec resource group", func() error {
		group := user.NewAddResourceResourceGroupRequest()
		group.Resources, group.ResourceGroupId = ids, d.read().ResourceGroupId
		return d.pace.update(func() error { _, err := d.users.AddResourceResourceGroup(group); return err })
	})
	step("zec tags", func() error {
		tags := zrm.NewModifyResourceTagsRequest()
		tags.ResourceUuid = common.String(d.id)
		tags.ReplaceTags = []*zrm.Tag{{Key: common.String("stage"), Value: common.String("test")}}
		return d.pace.update(func() error { _, err := d.tags.ModifyResourceTags(tags); return err })
	})
	step("zec password", func() error {
		password := zec.NewResetInstancePasswordRequest()
		password.InstanceId, password.Password = common.String(d.id), common.String("Terraform~5678")
		return d.pace.update(func() error { _, err := d.client.ResetInstancePassword(password); return err })
	})
	step("zec security group", d.moveGroup)
	step("zec stop", func() error {
		stop := zec.NewStopInstancesRequest()
		stop.InstanceIds = ids
		err := d.pace.update(func() error { _, err := d.client.StopInstances(stop); return err })
		if err == nil {
			d.wait("zec stop", []string{"RUNNING", "STOPPING"}, []string{"STOPPED"}, false, d.look)
		}
		return err
	})
	step("zec type", func() error {
		resize := zec.NewModifyInstanceTypeRequest()
		resize.InstanceId, resize.InstanceType = common.String(d.id), common.String("z2a.cpu.2")
		err := d.pace.update(func() error { _, err := d.client.ModifyInstanceType(resize); return err })
		if err == nil {
			d.wait("zec type", []string{"RESIZING"}, []string{"STOPPED", "RUNNING"}, false, d.look)
		}
		return err
	})
	step("zec image", func() error {
		reset := zec.NewResetInstanceRequest()
		reset.InstanceId, reset.ImageId = common.String(d.id), d.read().ImageId
		reset.Password = common.String("Terraform~9012")
		err := d.pace.update(func() error { _, err := d.client.ResetInstance(reset); return err })
		if err == nil {
			d.wait("zec image", []string{"REBUILDING", "STOPPED", "BOOTING"}, []string{"RUNNING"}, false, d.look)
		}
		return err
	})
}

// moveGroup gives the primary interface another security group, which is how the provider changes it.
func (d *zecDriver) moveGroup() error {
	create := zec.NewCreateSecurityGroupRequest()
	create.SecurityGroupName = common.String("terraform")
	group, err := d.client.CreateSecurityGroup(create)
	if err != nil {
		return err
	}
	for _, nic := range d.read().Nics {
		if nic.NicType == nil || *nic.NicType != "Primary" {
			continue
		}
		move := zec.NewModifyNetworkInterfaceAttributeRequest()
		move.NicId, move.SecurityGroupId = nic.NicId, group.Response.SecurityGroupId
		return d.pace.update(func() error { _, err := d.client.ModifyNetworkInterfaceAttribute(move); return err })
	}
	fail("the machine has no primary interface")
	return nil
}

func (d *zecDriver) delete() {
	for _, name := range []string{"zec release into the bin", "zec release from the bin"} {
		step(name, func() error {
			release := zec.NewReleaseInstancesRequest()
			release.InstanceIds = []string{d.id}
			err := d.pace.update(func() error { _, err := d.client.ReleaseInstances(release); return err })
			if codeOf(err) == "INVALID_INSTANCE_NOT_FOUND" {
				return nil
			}
			return err
		})
		d.wait(name, []string{"STOPPING", "RELEASING", "RECYCLING"}, []string{"RECYCLE"}, true, d.look)
	}
}
