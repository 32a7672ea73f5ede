# Where things stand in the request, so that a refusal names the field that the caller wrote.
package zengate.lib.fields

# A member of the request; null where there is none. Of a secret, rules see the fact that it is set, or not.
member(name) := input.request[name] if not vacant(name)

member(name) := null if vacant(name)

vacant(name) if not present(name)

vacant(name) if {
	name in {"initScript", "ipxeUrl", "password", "userData"}
	input.request[name].set == false
}

present(name) if type_name(input.request[name]) != ""

# Whether the request holds it; null and "" are how SDKs leave a member out.
holds(name) if not member(name) in {null, ""}

zone := "/zoneId"

image := "/imageId"

network_boot := "/ipxeUrl"

tags := "/tags"

charge_type := "/instanceChargeType"

prepaid_months := "/instanceChargePrepaid/period"

internet_charge_type := "/internetChargeType"

traffic_package := "/trafficPackageSize"

password := "/password"

system_disk := "/systemDisk/diskSize"

system_disk_category := "/systemDisk/diskCategory"

data_disks := "/dataDisks"

# bmc spells the number of machines `amount` ...
count := "/amount" if input.action.service == "bmc"

count := "/instanceCount" if input.action.service != "bmc"

# ... and the type of a machine `instanceTypeId`.
type := "/instanceTypeId" if input.action.service == "bmc"

type := "/instanceType" if input.action.service != "bmc"

# bmc takes a host name where no name is given.
name := "/hostname" if named_by_host

name := "/instanceName" if not named_by_host

named_by_host if {
	input.action.service == "bmc"
	not holds("instanceName")
	holds("hostname")
}

bandwidth := "/bandwidth" if input.action.service == "zec"

bandwidth := "/internetMaxBandwidthOut" if input.action.service != "zec"

script := "/initScript" if input.action.service == "vm"

script := "/userData" if input.action.service != "vm"

# A member of a data disk, e.g. `/dataDisks/0/diskSize`.
data_disk(index, member) := sprintf("/dataDisks/%d/%s", [index, member])

# The value of a tag, e.g. `/tags/tags/0/value`; `/tags` where the request has no such tag.
tag(key) := pointer if {
	pointers := [sprintf("/tags/tags/%d/value", [index]) |
		some index, entry in input.request.tags.tags
		entry.key == key
	]
	pointer := array.concat(pointers, [tags])[0]
}
