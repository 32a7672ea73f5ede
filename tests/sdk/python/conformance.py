"""Calls the gateway with the vendor's Python SDK, unmodified but for its endpoint.

usage: conformance.py HOST:PORT KEY SECRET TOKEN
Prints a line per case; the last line is a JSON summary of what should have reached the cloud.
"""

import json
import re
import sys

from zenlayercloud.bmc.v20221120 import bmc_client as bmc22, models as bmc22m
from zenlayercloud.bmc.v20260201 import bmc_client as bmc26, models as bmc26m
from zenlayercloud.common.config import Config
from zenlayercloud.common.credential import Credential, TokenCredential
from zenlayercloud.common.excpetion.zenlayer_cloud_sdk_exception import ZenlayerCloudSdkException
from zenlayercloud.vm.v20230313 import models as vm23m, vm_client as vm23
from zenlayercloud.vm.v20260401 import models as vm26m, vm_client as vm26
from zenlayercloud.zec.v20240401 import models as zec24m, zec_client as zec24
from zenlayercloud.zec.v20250901 import models as zec25m, zec_client as zec25

address, key, secret, token = sys.argv[1:5]
IMAGE = "img-yKK4q6XybymPgfx7ynUUqC3N8"
passed = {"calls_that_pass": 0, "instances": 0}


def config(**more):
    return Config(scheme="http", domain=address, **more)


def client(kind, credential=None, **more):
    return kind(credential or Credential(key, secret), config(**more))


def fill(request, **fields):
    for name, value in fields.items():
        assert hasattr(request, name), f"the SDK has no field {name}"
        setattr(request, name, value)
    return request


def vm_tags(models):
    tag = fill(models.Tag(), key="owner", value="web")
    return fill(models.TagAssociation(), tags=[tag])


def vm_create(models, **more):
    fields = dict(zoneId="SEL-A", instanceType="c.1c2g", imageId=IMAGE, instanceChargeType="POSTPAID",
                  internetChargeType="ByBandwidth", tags=vm_tags(models))
    fields.update(more)
    return fill(models.CreateInstancesRequest(), **fields)


def passes(name, call, request, ids=None):
    response = call(request)
    passed["calls_that_pass"] += 1
    if ids is not None:
        assert len(response.instanceIdSet) == ids, response.instanceIdSet
        passed["instances"] += ids
    print("passes ", name)
    return response


def refused(name, call, request, code, *parts):
    try:
        call(request)
    except ZenlayerCloudSdkException as error:
        assert error.code == code, str(error)
        assert re.fullmatch(r"T[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", error.request_id), error.request_id
        for part in parts:
            assert part in str(error), f"{part!r} is not in {error}"
        print("refused", name, code)
        return
    raise AssertionError(f"{name} was not refused")


v26, v23 = client(vm26.VmClient), client(vm23.VmClient)

# Both versions of the vm create, with what SDKs do to text, and a key that keeps its connection.
passes("vm 2026", v26.CreateInstances, vm_create(vm26m), ids=1)
passes("vm 2026, two", v26.CreateInstances, vm_create(vm26m, instanceCount=2, instanceName="web-[3,3]"), ids=2)
passes("vm 2023", v23.CreateInstances, vm_create(vm23m), ids=1)
passes("vm keep alive", client(vm26.VmClient, keep_alive=True).CreateInstances, vm_create(vm26m), ids=1)
passes("vm by token", client(vm26.VmClient, TokenCredential(token)).CreateInstances, vm_create(vm26m), ids=1)

# Life goes on as without the gateway.
made = passes("vm to end", v26.CreateInstances, vm_create(vm26m), ids=1).instanceIdSet
seen = passes("describe", v26.DescribeInstances, fill(vm26m.DescribeInstancesRequest(), instanceIds=made))
assert [one.instanceId for one in seen.dataSet] == made, seen.dataSet
passes("zones", v26.DescribeZones, vm26m.DescribeZonesRequest())
passes("terminate", v26.TerminateInstance, fill(vm26m.TerminateInstanceRequest(), instanceId=made[0]))
passes("release", v26.ReleaseInstances, fill(vm26m.ReleaseInstancesRequest(), instanceIds=made))
passed["instances"] -= 1

# The other three creates.
passes("bmc 2022", client(bmc22.BmcClient).CreateInstances, fill(
    bmc22m.CreateInstancesRequest(), zoneId="SEL-A", instanceTypeId="S9I", instanceChargeType="POSTPAID",
    internetChargeType="ByBandwidth", hostname="web", amount=1), ids=1)
passes("bmc 2026", client(bmc26.BmcClient).CreateInstances, fill(
    bmc26m.CreateInstancesRequest(), zoneId="SEL-A", instanceTypeId="S9I", instanceChargeType="POSTPAID",
    internetChargeType="ByBandwidth", hostname="web", amount=2), ids=2)
passes("zec 2024", client(zec24.ZecClient).CreateZecInstances, fill(
    zec24m.CreateZecInstancesRequest(), zoneId="asia-east-1a", instanceType="z2a.cpu.1", imageId=IMAGE,
    instanceCount=1), ids=1)
passes("zec 2025", client(zec25.ZecClient).CreateZecInstances, fill(
    zec25m.CreateZecInstancesRequest(), zoneId="asia-east-1a", instanceType="z2a.cpu.1", imageId=IMAGE,
    instanceCount=1), ids=1)
passes("zec 2024 vm", client(zec24.ZecClient).CreateInstances, fill(
    zec24m.CreateInstancesRequest(), zoneId="asia-east-1a", instanceType="z2a.cpu.1", imageId=IMAGE,
    instanceCount=1), ids=1)

# Refusals are the SDK's own exception, with code, message and request id; all broken rules at once.
refused("three rules", v26.CreateInstances, vm_create(vm26m, zoneId="FRA-A", instanceCount=50, tags=None),
        "OPERATION_DENIED_POLICY_VIOLATION", "count", "tags", "zones", "FRA-A", "To do:")
refused("same rules for bmc", client(bmc26.BmcClient).CreateInstances, fill(
    bmc26m.CreateInstancesRequest(), zoneId="FRA-A", instanceTypeId="S9I", amount=50),
        "OPERATION_DENIED_POLICY_VIOLATION", "count", "zones")
refused("same rules for zec", client(zec25.ZecClient).CreateZecInstances, fill(
    zec25m.CreateZecInstancesRequest(), zoneId="na-west-1a", instanceType="z2a.cpu.1", instanceCount=50),
        "OPERATION_DENIED_POLICY_VIOLATION", "count", "zones")
refused("an unlisted change", v26.CreateDisks, fill(vm26m.CreateDisksRequest(), zoneId="SEL-A", diskSize=100),
        "OPERATION_DENIED_POLICY_VIOLATION", "actions")
refused("a wrong type", v26.CreateInstances, vm_create(vm26m, instanceCount="5"), "INVALID_PARAMETER_TYPE")
refused("a wrong secret", client(vm26.VmClient, Credential(key, "x")).DescribeZones, vm26m.DescribeZonesRequest(),
        "AUTHFAILURE_SIGNATURE_FAILURE")
refused("an unknown key", client(vm26.VmClient, Credential("ZGnobody", secret)).DescribeZones,
        vm26m.DescribeZonesRequest(), "AUTHFAILURE_SIGNATURE_FAILURE")
refused("a wrong token", client(vm26.VmClient, TokenCredential("x")).DescribeZones, vm26m.DescribeZonesRequest(),
        "AUTHFAILURE_INVALID_AUTHORIZATION")
# A body over the limit, and the cloud's own refusal passed through.
refused("too long", v26.CreateInstances, vm_create(vm26m, initScript="x" * (1024 * 1024)),
        "INVALID_PARAMETER_EXCEED_LENGTH")
passed["calls_that_pass"] += 1
refused("by the cloud", v26.CreateInstances, vm_create(vm26m, imageId="img-unknown"), "INVALID_IMAGE_NOT_FOUND")

print(json.dumps(passed))
