package main

import (
	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	vm "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20230313"
)

// The resources around a vm machine: security group with rules and attachment, subnet, disk.

func (d *vmDriver) securityGroup() {
	id := ""
	step("security group", func() error {
		create := vm.NewCreateSecurityGroupRequest()
		create.SecurityGroupName, create.Description = "terraform", "made by the driver"
		answer, err := d.client.CreateSecurityGroup(create)
		if err == nil {
			id = answer.Response.SecurityGroupId
			_, err = d.group(id)
		}
		return err
	})
	rule := &vm.RuleInfo{Direction: "ingress", Policy: "accept", IpProtocol: "tcp", PortRange: "22/22", CidrIp: "0.0.0.0/0"}
	step("security group rule", func() error {
		authorize := vm.NewAuthorizeSecurityGroupRuleRequest()
		authorize.SecurityGroupId, authorize.Direction, authorize.Policy = id, rule.Direction, rule.Policy
		authorize.IpProtocol, authorize.PortRange, authorize.CidrIp = rule.IpProtocol, rule.PortRange, rule.CidrIp
		_, err := d.client.AuthorizeSecurityGroupRule(authorize)
		return err
	})
	step("security group attachment", func() error {
		attach := vm.NewAssociateSecurityGroupInstanceRequest()
		attach.SecurityGroupId, attach.InstanceId = id, d.id
		if _, err := d.client.AssociateSecurityGroupInstance(attach); err != nil {
			return err
		}
		group, err := d.group(id)
		check(err == nil && len(group.InstanceIds) == 1 && *group.InstanceIds[0] == d.id, "the group has no such machine: %v", err)
		return nil
	})
	step("security group detachment", func() error {
		detach := vm.NewUnAssociateSecurityGroupInstanceRequest()
		detach.SecurityGroupId, detach.InstanceId = id, d.id
		_, err := d.client.UnAssociateSecurityGroupInstance(detach)
		return err
	})
	step("security group rule away", func() error {
		revoke := vm.NewRevokeSecurityGroupRulesRequest()
		revoke.SecurityGroupId, revoke.RuleInfos = id, []*vm.RuleInfo{rule}
		_, err := d.client.RevokeSecurityGroupRules(revoke)
		return err
	})
	step("security group away", func() error {
		remove := vm.NewDeleteSecurityGroupRequest()
		remove.SecurityGroupId = id
		_, err := d.client.DeleteSecurityGroup(remove)
		return err
	})
}

func (d *vmDriver) group(id string) (*vm.SecurityGroupInfo, error) {
	groups := vm.NewDescribeSecurityGroupsRequest()
	groups.SecurityGroupIds = []string{id}
	answer, err := d.client.DescribeSecurityGroups(groups)
	if err != nil || len(answer.Response.DataSet) != 1 {
		return nil, err
	}
	return answer.Response.DataSet[0], nil
}

func (d *vmDriver) subnet() {
	id := ""
	step("subnet", func() error {
		create := vm.NewCreateSubnetRequest()
		create.ZoneId, create.CidrBlock, create.SubnetName = zone, "10.0.77.0/24", "terraform"
		answer, err := d.client.CreateSubnet(create)
		if err != nil {
			return err
		}
		id = answer.Response.SubnetId
		d.wait("subnet", []string{"Creating"}, []string{"Available"}, false, func() (state, error) {
			subnets := vm.NewDescribeSubnetsRequest()
			subnets.SubnetIds = []string{id}
			answer, err := d.client.DescribeSubnets(subnets)
			if err != nil || len(answer.Response.DataSet) == 0 {
				return state{}, err
			}
			return state{status: answer.Response.DataSet[0].SubnetStatus, found: true}, nil
		})
		return nil
	})
	step("subnet renamed", func() error {
		rename := vm.NewModifySubnetsAttributeRequest()
		rename.SubnetIds, rename.SubnetName = []string{id}, "renamed"
		_, err := d.client.ModifySubnetsAttribute(rename)
		return err
	})
	step("subnet away", func() error {
		remove := vm.NewDeleteSubnetRequest()
		remove.SubnetId = id
		_, err := d.client.DeleteSubnet(remove)
		return err
	})
}

func (d *vmDriver) disks() {
	id := ""
	disk := func() (state, error) {
		disks := vm.NewDescribeDisksRequest()
		disks.DiskIds = []string{id}
		answer, err := d.client.DescribeDisks(disks)
		if err != nil || len(answer.Response.DataSet) == 0 {
			return state{}, err
		}
		return state{status: answer.Response.DataSet[0].DiskStatus, found: true}, nil
	}
	step("disk", func() error {
		create := vm.NewCreateDisksRequest()
		create.ChargeType, create.DiskName, create.ZoneId = "POSTPAID", "terraform", zone
		create.DiskSize, create.DiskAmount = common.Integer(20), common.Integer(1)
		answer, err := d.client.CreateDisks(create)
		if err != nil {
			return err
		}
		id = answer.Response.DiskIds[0]
		d.wait("disk", []string{"CREATING"}, []string{"AVAILABLE"}, false, disk)
		return nil
	})
	step("disk attached", func() error {
		attach := vm.NewAttachDisksRequest()
		attach.DiskIds, attach.InstanceId = []string{id}, d.id
		if _, err := d.client.AttachDisks(attach); err != nil {
			return err
		}
		d.wait("disk attached", []string{"ATTACHING", "AVAILABLE"}, []string{"IN_USE"}, false, disk)
		return nil
	})
	step("disk detached", func() error {
		detach := vm.NewDetachDisksRequest()
		detach.DiskIds = []string{id}
		if _, err := d.client.DetachDisks(detach); err != nil {
			return err
		}
		d.wait("disk detached", []string{"DETACHING", "IN_USE"}, []string{"AVAILABLE"}, false, disk)
		return nil
	})
	step("disk in the bin", func() error {
		end := vm.NewTerminateDiskRequest()
		end.DiskId = id
		if _, err := d.client.TerminateDisk(end); err != nil {
			return err
		}
		d.wait("disk in the bin", []string{"RECYCLING", "AVAILABLE"}, []string{"RECYCLED"}, true, disk)
		return nil
	})
	step("disk away", func() error {
		release := vm.NewReleaseDiskRequest()
		release.DiskId = id
		_, err := d.client.ReleaseDisk(release)
		return err
	})
}
