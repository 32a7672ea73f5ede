# What changes carry that a create carries too: the same rule judges both, so that nobody creates what is allowed and
# then turns it into what is not.
#
# Bodies of changes are not checked against field tables. A member that is missing, or not of the type that it should
# be, must therefore never pass for one that is within a limit.
package zengate.lib.changes

import data.zengate.lib.actions
import data.zengate.lib.fields

# The member of the request that holds it, by action. From the request structs of the vendor's SDKs.
members := {
	"bandwidth": {
		"bmc ModifyInstanceBandwidth": "bandwidthOutMbps",
		"vm ModifyInstanceBandwidth": "internetMaxBandwidthOut",
		"zec CreateEips": "bandwidth",
		"zec ModifyEipBandwidth": "bandwidth",
		"zec ModifyIpv6Bandwidth": "bandwidth",
	},
	"charge_type": {
		"bmc AllocateEipAddresses": "eipChargeType",
		"vm CreateDisks": "chargeType",
	},
	"disk_category": {
		"vm CreateDisks": "diskCategory",
		"zec CreateDisks": "diskCategory",
	},
	"disk_gb": {
		"vm CreateDisks": "diskSize",
		"vm ResizeDisk": "diskSize",
		"zec CreateDisks": "diskSize",
		"zec ResizeDisk": "diskSize",
	},
	"image": {
		"bmc ReinstallInstance": "imageId",
		"vm ResetInstance": "imageId",
		"zec ResetInstance": "imageId",
		"zec ResetInstances": "imageId",
	},
	"internet_charge_type": {
		"zec ChangeEipInternetChargeType": "internetChargeType",
		"zec CreateEips": "internetChargeType",
	},
	"name": {
		"bmc ModifyInstancesAttribute": "instanceName",
		"vm ModifyInstancesAttribute": "instanceName",
		"zec ModifyInstancesAttribute": "instanceName",
	},
	"script": {
		"bmc ReinstallInstance": "userData",
		"vm ResetInstance": "initScript",
		"zec ResetInstance": "userData",
		"zec ResetInstances": "userData",
	},
	"traffic_package": {
		"bmc ModifyInstanceTrafficPackage": "trafficPackageSize",
		"vm ModifyInstanceTrafficPackage": "trafficPackageSize",
		"zec ModifyEipTrafficPackage": "trafficPackageSize",
		"zec ModifyIpv6TrafficPackage": "trafficPackageSize",
	},
	"type": {
		"vm ModifyInstanceType": "instanceTypeId",
		"zec ModifyInstanceType": "instanceType",
	},
}

# The member that holds `what` in this request; undefined unless it is a change that carries it.
member(what) := members[what][actions.asked] if input.action.kind == "change"

carries(what) if member(what)

# Where it stands, e.g. `/instanceTypeId`.
field(what) := concat("", ["/", member(what)])

# What it holds; null where it is missing or empty.
value(what) := given if {
	given := fields.member(member(what))
	given != ""
}

value(what) := null if fields.member(member(what)) == ""
