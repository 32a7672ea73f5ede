package main

import (
	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	vm "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20230313"
	zrm "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zrm20251014"
)

type vmDriver struct {
	pace
	client *vm.Client
	tags   *zrm.Client
	wire   *wire
	id     string
}

// terraformVM does what the resource zenlayercloud_instance does: create, wait, read, every update, delete.
func terraformVM() {
	wire := newWire()
	driver := &vmDriver{pace: providerPace(), wire: wire}
	driver.client = vm23With(terraformConfig(wire))
	driver.client.WithRequestClient("Terraform-latest")
	driver.tags = zrmWith(terraformConfig(wire))
	driver.tags.WithRequestClient("Terraform-latest")
	driver.dataSources()
	driver.create()
	driver.update()
	driver.securityGroup()
	driver.subnet()
	driver.disks()
	driver.delete()
	check(len(machines()) == 0, "machines are left")
}

func (d *vmDriver) dataSources() {
	step("data zones", func() error {
		_, err := d.client.DescribeZones(vm.NewDescribeZonesRequest())
		return err
	})
	step("data instance types", func() error {
		types := vm.NewDescribeZoneInstanceConfigInfosRequest()
		types.InstanceChargeType = "POSTPAID"
		_, err := d.client.DescribeZoneInstanceConfigInfos(types)
		return err
	})
	step("data images", func() error {
		images := vm.NewDescribeImagesRequest()
		images.ZoneId, images.PageSize, images.PageNum = zone, 100, 1
		_, err := d.client.DescribeImages(images)
		return err
	})
	step("data subnets", func() error {
		subnets := vm.NewDescribeSubnetsRequest()
		subnets.PageSize, subnets.PageNum = 100, 1
		_, err := d.client.DescribeSubnets(subnets)
		return err
	})
	step("data security groups", func() error {
		groups := vm.NewDescribeSecurityGroupsRequest()
		groups.PageSize, groups.PageNum = 100, 1
		_, err := d.client.DescribeSecurityGroups(groups)
		return err
	})
}

func (d *vmDriver) create() {
	order := vm.NewCreateInstancesRequest()
	order.InstanceCount = 1
	order.ZoneId, order.InstanceType, order.ImageId = zone, "c.1c2g", image
	order.InstanceChargeType, order.InternetChargeType = "POSTPAID", "ByBandwidth"
	order.InstanceName = "Terraform-Instance"
	order.Password = "Terraform#1234"
	order.InternetMaxBandwidthOut = 1
	order.SystemDisk = &vm.SystemDisk{DiskSize: 40}
	order.Tags = &vm.TagAssociation{Tags: []*vm.Tag{{Key: common.String("owner"), Value: common.String("web")}}}
	// Turned away by the cloud's edge: nothing ran, and the loop around the create may go on.
	fault(2, object{"kind": "page", "when": "before", "status": 451, "content_type": "text/html", "body": "<h1>no</h1>"})
	before := d.wire.sends()
	step("create", func() error {
		return d.whileTemporary(func() error {
			answer, err := d.client.CreateInstances(order)
			if err == nil {
				d.id = *answer.Response.InstanceIdSet[0]
			}
			return err
		})
	})
	check(d.wire.sends()-before == 3, "the create was sent %d times, not 3", d.wire.sends()-before)
	signatures := d.wire.signatures[before:]
	check(len(machines()) == 1, "%d machines", len(machines()))
	check(len(signatures) == 3, "signatures %v", signatures)
	d.wait("create", []string{"PENDING", "DEPLOYING", "REBUILDING"}, []string{"RUNNING"}, false, d.look)

	read := d.read()
	check(read.InstanceName == order.InstanceName && read.ZoneId == order.ZoneId && read.ImageId == order.ImageId, "drift")
	check(read.InstanceType == order.InstanceType && read.InternetMaxBandwidthOut == 1 && read.SystemDisk.DiskSize == 40, "drift")
	check(read.ResourceGroupId != "", "the group is computed, and should be the organisation's")
	check(len(read.Tags.Tags) == 1 && *read.Tags.Tags[0].Key == "owner", "drift of tags")

	// An order that a rule refuses ends the plan at once.
	order.InstanceCount = 50
	before = d.wire.sends()
	err := d.whileTemporary(func() error {
		_, err := d.client.CreateInstances(order)
		return err
	})
	refused("a plan that breaks a rule", err, "OPERATION_DENIED_POLICY_VIOLATION", "count")
	check(d.wire.sends()-before == 1, "a refusal was repeated")
	// An unknown outcome must not be repeated either.
	order.InstanceCount = 1
	fault(1, object{"kind": "close", "when": "before"})
	before = d.wire.sends()
	err = d.whileTemporary(func() error {
		_, err := d.client.CreateInstances(order)
		return err
	})
	refused("an unknown outcome", err, "REQUEST_TIMED_OUT")
	check(d.wire.sends()-before == 1, "an unknown outcome was repeated")
}

func (d *vmDriver) describe() (*vm.InstanceInfo, error) {
	request := vm.NewDescribeInstancesRequest()
	request.InstanceIds = []string{d.id}
	answer, err := d.client.DescribeInstances(request)
	if err != nil || len(answer.Response.DataSet) == 0 {
		return nil, err
	}
	return answer.Response.DataSet[0], nil
}

func (d *vmDriver) look() (state, error) {
	found, err := d.describe()
	if err != nil || found == nil {
		return state{}, err
	}
	return state{status: found.InstanceStatus, found: true}, nil
}

// read waits while the machine is on its way somewhere, as the provider's read does.
func (d *vmDriver) read() *vm.InstanceInfo {
	pending := []string{"PENDING", "DEPLOYING", "STOPPING", "BOOTING", "RELEASING", "REBUILDING", "RECYCLING"}
	d.wait("read", pending, []string{"RUNNING", "STOPPED"}, false, d.look)
	found, err := d.describe()
	check(err == nil && found != nil, "read: %v", err)
	return found
}

func (d *vmDriver) update() {
	ids := []string{d.id}
	step("rename", func() error {
		rename := vm.NewModifyInstancesAttributeRequest()
		rename.InstanceIds, rename.InstanceName = ids, "renamed"
		return d.pace.update(func() error { _, err := d.client.ModifyInstancesAttribute(rename); return err })
	})
	check(d.read().InstanceName == "renamed", "the name stays")
	step("resource group", func() error {
		group := vm.NewModifyInstancesResourceGroupRequest()
		group.InstanceIds, group.ResourceGroupId = ids, d.read().ResourceGroupId
		return d.pace.update(func() error { _, err := d.client.ModifyInstancesResourceGroup(group); return err })
	})
	step("bandwidth", func() error {
		width := vm.NewModifyInstanceBandwidthRequest()
		width.InstanceId, width.InternetMaxBandwidthOut = d.id, 5
		if err := d.pace.update(func() error { _, err := d.client.ModifyInstanceBandwidth(width); return err }); err != nil {
			return err
		}
		return d.internet(func(now *vm.DescribeInstanceInternetStatusResponseParams) bool {
			return now.ModifiedBandwidthStatus == "Enable" && now.InternetMaxBandwidthOut != nil && *now.InternetMaxBandwidthOut == 5
		})
	})
	step("password", func() error {
		password := vm.NewResetInstancesPasswordRequest()
		password.InstanceIds, password.Password = ids, "Terraform#5678"
		return d.pace.update(func() error { _, err := d.client.ResetInstancesPassword(password); return err })
	})
	step("tags", func() error {
		tags := zrm.NewModifyResourceTagsRequest()
		tags.ResourceUuid = common.String(d.id)
		tags.ReplaceTags = []*zrm.Tag{{Key: common.String("stage"), Value: common.String("test")}}
		return d.pace.update(func() error { _, err := d.tags.ModifyResourceTags(tags); return err })
	})
	step("stop", func() error {
		stop := vm.NewStopInstancesRequest()
		stop.InstanceIds = ids
		err := d.pace.update(func() error { _, err := d.client.StopInstances(stop); return err })
		if err == nil {
			d.wait("stop", []string{"RUNNING", "STOPPING"}, []string{"STOPPED"}, false, d.look)
		}
		return err
	})
	step("another image", func() error {
		reset := vm.NewResetInstanceRequest()
		reset.InstanceId, reset.ImageId, reset.Password = d.id, image, "Terraform#9012"
		err := d.pace.update(func() error { _, err := d.client.ResetInstance(reset); return err })
		if err == nil {
			d.wait("reset", []string{"REBUILDING", "STOPPED", "BOOTING"}, []string{"RUNNING"}, false, d.look)
		}
		return err
	})
	d.trafficPackage()
}

func (d *vmDriver) internet(good func(*vm.DescribeInstanceInternetStatusResponseParams) bool) error {
	request := vm.NewDescribeInstanceInternetStatusRequest()
	request.InstanceId = d.id
	var problem error
	eventually("the network of the machine is changed", func() bool {
		answer, err := d.client.DescribeInstanceInternetStatus(request)
		problem = err
		return err != nil || good(answer.Response)
	})
	return problem
}

// trafficPackage: a machine of its own, prepaid and paying for traffic, because only such a one has a package.
func (d *vmDriver) trafficPackage() {
	prepaid := *d
	step("create, prepaid with a traffic package", func() error {
		order := vm.NewCreateInstancesRequest()
		order.InstanceCount, order.ZoneId, order.InstanceType, order.ImageId = 1, zone, "c.1c2g", image
		order.InstanceChargeType, order.InternetChargeType = "PREPAID", "ByTrafficPackage"
		order.InstanceChargePrepaid = &vm.ChargePrepaid{Period: 1}
		order.TrafficPackageSize = common.Float64(1.5)
		order.InstanceName = "Terraform-Instance"
		order.SystemDisk = &vm.SystemDisk{DiskSize: 40}
		answer, err := d.client.CreateInstances(order)
		if err == nil {
			prepaid.id = *answer.Response.InstanceIdSet[0]
			prepaid.wait("create, prepaid", []string{"PENDING", "DEPLOYING", "REBUILDING"}, []string{"RUNNING"}, false, prepaid.look)
		}
		return err
	})
	size := prepaid.read().TrafficPackageSize
	check(size != nil && *size == 1.5, "the provider would fall over a package that is null")
	step("traffic package", func() error {
		more := vm.NewModifyInstanceTrafficPackageRequest()
		more.InstanceId, more.TrafficPackageSize = prepaid.id, common.Float64(2.5)
		if err := d.pace.update(func() error { _, err := d.client.ModifyInstanceTrafficPackage(more); return err }); err != nil {
			return err
		}
		return prepaid.internet(func(now *vm.DescribeInstanceInternetStatusResponseParams) bool {
			return now.ModifiedTrafficPackageStatus == "Enable" && now.TrafficPackageSize != nil && *now.TrafficPackageSize == 2.5
		})
	})
	prepaid.delete()
}

func (d *vmDriver) delete() {
	step("terminate", func() error {
		end := vm.NewTerminateInstanceRequest()
		end.InstanceId = d.id
		_, err := d.client.TerminateInstance(end)
		if codeOf(err) == "OPERATION_DENIED_INSTANCE_RECYCLED" {
			return nil
		}
		return err
	})
	// Any other state than these is an error at once: the bin must show in the very next answer.
	now, err := d.look()
	check(err == nil && (now.status == "RECYCLING" || now.status == "RECYCLE"), "after the end: %v, %v", now, err)
	d.wait("terminate", []string{"STOPPING", "RELEASING", "RECYCLING"}, []string{"RECYCLE"}, true, d.look)
	step("release", func() error {
		release := vm.NewReleaseInstancesRequest()
		release.InstanceIds = []string{d.id}
		err := d.pace.update(func() error { _, err := d.client.ReleaseInstances(release); return err })
		if codeOf(err) == "INVALID_INSTANCE_NOT_FOUND" {
			return nil
		}
		return err
	})
	d.wait("release", []string{"RECYCLE", "RELEASING"}, nil, true, d.look)
}
