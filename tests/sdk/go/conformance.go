package main

import (
	"encoding/json"
	"strings"

	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	vm26 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20260401"
)

// What Go's JSON escapes (<, >, &) and what it leaves as it is.
const awkward = "é鍵 <a href=\"x\">&amp;</a>"

// conformance is the list that the Python SDK goes through as well.
func conformance() {
	vmCreates()
	otherCreates()
	lifeOfAMachine()
	broken()
	badCallers()
}

func vmCreates() {
	client := vm26With(config())
	count, err := vm26Create(client, vm26Order())
	reached("vm 2026", err, count, 1)

	two := vm26Order()
	two.InstanceCount, two.InstanceName = common.Integer(2), common.String("web-[3,3]")
	count, err = vm26Create(client, two)
	reached("vm 2026, two", err, count, 2)

	answer, err := vm23With(config()).CreateInstances(vm23Order())
	check(err == nil, "vm 2023: %v", err)
	reached("vm 2023", nil, len(answer.Response.InstanceIdSet), 1)

	byToken := made(vm26.NewClientWithTokenAndConfig(config(), setting("ZENGATE_TOKEN")))
	count, err = vm26Create(byToken, vm26Order())
	reached("vm by token", err, count, 1)

	client.WithRequestClient("Terraform-latest")
	odd := vm26Order()
	odd.InitScript = common.String("#!/bin/sh\necho '" + awkward + "' > /etc/motd && true")
	odd.Tags.Tags = append(odd.Tags.Tags, &vm26.Tag{Key: common.String("note"), Value: common.String(awkward)})
	count, err = vm26Create(client, odd)
	reached("vm with awkward text", err, count, 1)
	last := requests()[len(requests())-1]
	var sent vm26.CreateInstancesRequest
	check(json.Unmarshal(last.Body, &sent) == nil, "the cloud got no JSON")
	check(*sent.Tags.Tags[1].Value == awkward, "the cloud got another text: %s", *sent.Tags.Tags[1].Value)
	check(last.header("x-zc-request-client") == "Terraform-latest", "x-zc-request-client is lost")
	check(last.header("x-zc-sdk-lang") == "go", "x-zc-sdk-lang is lost")
	check(last.Version == "2026-04-01", "the version is %q", last.Version)
}

func otherCreates() {
	old, err := bmc22With(config()).CreateInstances(bmc22Order())
	check(err == nil, "bmc 2022: %v", err)
	reached("bmc 2022", nil, len(old.Response.InstanceIdSet), 1)
	bare, err := bmc26With(config()).CreateInstances(bmc26Order())
	check(err == nil, "bmc 2026: %v", err)
	reached("bmc 2026", nil, len(bare.Response.InstanceIdSet), 2)
	edge, err := zec24With(config()).CreateZecInstances(zec24Order())
	check(err == nil, "zec 2024: %v", err)
	reached("zec 2024", nil, len(edge.Response.InstanceIdSet), 1)
	alike, err := zec24With(config()).CreateInstances(zec24VMOrder())
	check(err == nil, "zec 2024 like vm: %v", err)
	reached("zec 2024 like vm", nil, len(alike.Response.InstanceIdSet), 1)
	newer, err := zec25With(config()).CreateZecInstances(zec25Order())
	check(err == nil, "zec 2025: %v", err)
	reached("zec 2025", nil, len(newer.Response.InstanceIdSet), 1)
}

func lifeOfAMachine() {
	client := vm26With(config())
	answer, err := client.CreateInstances(vm26Order())
	check(err == nil, "vm to end: %v", err)
	ids := answer.Response.InstanceIdSet
	reached("vm to end", nil, len(ids), 1)

	describe := vm26.NewDescribeInstancesRequest()
	describe.InstanceIds = ids
	found, err := client.DescribeInstances(describe)
	reached("describe", err, 0, 0)
	check(len(found.Response.DataSet) == 1 && *found.Response.DataSet[0].InstanceId == ids[0], "another machine was described")
	zones, err := client.DescribeZones(vm26.NewDescribeZonesRequest())
	reached("zones", err, 0, 0)
	check(len(zones.Response.ZoneSet) > 0, "no zones")
	status := vm26.NewDescribeInstancesStatusRequest()
	status.InstanceIds = ids
	_, err = client.DescribeInstancesStatus(status)
	reached("status", err, 0, 0)

	rename := vm26.NewModifyInstancesAttributeRequest()
	rename.InstanceIds, rename.InstanceName = ids, common.String("renamed")
	_, err = client.ModifyInstancesAttribute(rename)
	reached("rename", err, 0, 0)
	stop := vm26.NewStopInstancesRequest()
	stop.InstanceIds = ids
	_, err = client.StopInstances(stop)
	reached("stop", err, 0, 0)
	start := vm26.NewStartInstancesRequest()
	start.InstanceIds = ids
	_, err = client.StartInstances(start)
	reached("start", err, 0, 0)
	end := vm26.NewTerminateInstanceRequest()
	end.InstanceId = common.String(ids[0])
	_, err = client.TerminateInstance(end)
	reached("terminate", err, 0, 0)
	empty := vm26.NewReleaseInstancesRequest()
	empty.InstanceIds = ids
	_, err = client.ReleaseInstances(empty)
	reached("release", err, 0, 0)
	summary["instances"]--
}

// broken: all broken rules at once, in one error of the SDK's own kind.
func broken() {
	client := vm26With(config())
	order := vm26Order()
	order.ZoneId, order.InstanceCount, order.Tags = common.String("FRA-A"), common.Integer(50), nil
	order.InitScript, order.ResourceGroupId = common.String(awkward), common.String("not-ours")
	_, err := client.CreateInstances(order)
	refused("four rules", err, "OPERATION_DENIED_POLICY_VIOLATION",
		"[1] count", "[2] resource_group", "[3] tags", "[4] zones", "FRA-A", "not-ours", "owner", "To do:")

	bare := bmc26Order()
	bare.ZoneId, bare.Amount = common.String("FRA-A"), common.Integer(50)
	_, err = bmc26With(config()).CreateInstances(bare)
	refused("the same rules for bmc", err, "OPERATION_DENIED_POLICY_VIOLATION", "count", "zones")
	edge := zec25Order()
	edge.ZoneId, edge.InstanceCount = common.String("na-west-1a"), common.Integer(50)
	_, err = zec25With(config()).CreateZecInstances(edge)
	refused("the same rules for zec", err, "OPERATION_DENIED_POLICY_VIOLATION", "count", "zones")

	disks := vm26.NewCreateDisksRequest()
	disks.ZoneId, disks.DiskSize = common.String(zone), common.Integer(100)
	_, err = client.CreateDisks(disks)
	refused("an unlisted change", err, "OPERATION_DENIED_POLICY_VIOLATION", "actions")
	long := vm26Order()
	long.InitScript = common.String(strings.Repeat("x", 1<<20))
	_, err = client.CreateInstances(long)
	refused("too long", err, "INVALID_PARAMETER_EXCEED_LENGTH")

	unknown := vm26Order()
	unknown.ImageId = common.String("img-unknown")
	_, err = client.CreateInstances(unknown)
	refused("by the cloud", err, "INVALID_IMAGE_NOT_FOUND")
	summary["calls"]++
}

func badCallers() {
	read := func(client *vm26.Client, err error) error {
		check(err == nil, "a client: %v", err)
		_, err = client.DescribeZones(vm26.NewDescribeZonesRequest())
		return err
	}
	refused("a wrong secret", read(vm26.NewClient(config(), setting("ZENGATE_KEY"), "x")), "AUTHFAILURE_SIGNATURE_FAILURE")
	refused("an unknown key", read(vm26.NewClient(config(), "ZGnobody", setting("ZENGATE_SECRET"))), "AUTHFAILURE_SIGNATURE_FAILURE")
	refused("a wrong token", read(vm26.NewClientWithTokenAndConfig(config(), "x")), "AUTHFAILURE_INVALID_AUTHORIZATION")
}
