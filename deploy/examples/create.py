"""One machine through the gateway with the vendor's Python SDK (pip install zenlayercloud-sdk-python).

Only the endpoint differs from what you have: GATEWAY, KEY_ID and KEY_SECRET come from the environment.
"""
import os

from zenlayercloud.common.config import Config
from zenlayercloud.common.credential import Credential
from zenlayercloud.common.excpetion.zenlayer_cloud_sdk_exception import ZenlayerCloudSdkException
from zenlayercloud.vm.v20230313 import models, vm_client

gateway = os.environ.get("GATEWAY", "127.0.0.1:8080")
secure = os.environ.get("GATEWAY_CA")  # a CA file: then https is spoken

client = vm_client.VmClient(
    Credential(os.environ["KEY_ID"], os.environ["KEY_SECRET"]),
    Config(scheme="https", domain=gateway, certification=secure) if secure else Config(scheme="http", domain=gateway),
)
request = models.CreateInstancesRequest()
request.zoneId = os.environ.get("ZONE", "SEL-A")
request.instanceType = "c.1c2g"
request.imageId = "img-yKK4q6XybymPgfx7ynUUqC3N8"
request.instanceChargeType = "POSTPAID"
request.internetChargeType = "ByBandwidth"
owner, environment = models.Tag(), models.Tag()
owner.key, owner.value = "owner", "jane"
environment.key, environment.value = "environment", "test"
request.tags = models.TagAssociation()
request.tags.tags = [owner, environment]
try:
    print("created", client.CreateInstances(request).instanceIdSet)
except ZenlayerCloudSdkException as refused:
    # The code is stable; the message names every rule that was broken, and what to do.
    print(refused)
    raise SystemExit(1) from None
