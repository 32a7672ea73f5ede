# Where things stand in the request, so that a refusal names the field that the caller wrote.
package zengate.lib.fields

zone := "/zoneId"

tags := "/tags"

# bmc spells the number of machines `amount`.
count := "/amount" if input.action.service == "bmc"

count := "/instanceCount" if input.action.service != "bmc"

# The value of a tag, e.g. `/tags/tags/0/value`; `/tags` where the request has no such tag.
tag(key) := pointer if {
	pointers := [sprintf("/tags/tags/%d/value", [index]) |
		some index, entry in input.request.tags.tags
		entry.key == key
	]
	pointer := array.concat(pointers, [tags])[0]
}
