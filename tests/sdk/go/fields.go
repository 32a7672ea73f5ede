package main

import (
	"reflect"

	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	vm26 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20260401"
)

// fields fills in every field that the SDK's structs have, in all seven creates. A field that the gateway did not know
// would be refused as such; with all of them known, the first to object are the rules.
func fields() {
	vm23Full, vm26Full := vm23Order(), vm26Order()
	bmc22Full, bmc26Full := bmc22Order(), bmc26Order()
	zec24Full, zec24VMFull, zec25Full := zec24Order(), zec24VMOrder(), zec25Order()
	for _, order := range []common.Request{vm23Full, vm26Full, bmc22Full, bmc26Full, zec24Full, zec24VMFull, zec25Full} {
		summary["fields"] += fill(reflect.ValueOf(order).Elem())
	}
	const violation = "OPERATION_DENIED_POLICY_VIOLATION"
	_, err := vm23With(config()).CreateInstances(vm23Full)
	refused("vm 2023", err, violation, "zones")
	_, err = vm26With(config()).CreateInstances(vm26Full)
	refused("vm 2026", err, violation, "zones")
	_, err = bmc22With(config()).CreateInstances(bmc22Full)
	refused("bmc 2022", err, violation, "zones")
	_, err = bmc26With(config()).CreateInstances(bmc26Full)
	refused("bmc 2026", err, violation, "zones")
	_, err = zec24With(config()).CreateZecInstances(zec24Full)
	refused("zec 2024", err, violation, "zones")
	_, err = zec24With(config()).CreateInstances(zec24VMFull)
	refused("zec 2024 like vm", err, violation, "zones")
	_, err = zec25With(config()).CreateZecInstances(zec25Full)
	refused("zec 2025", err, violation, "zones")

	// The check itself: a field that no version has is named.
	more := &extended{CreateInstancesRequest: vm26Order(), Surprise: "x"}
	err = vm26With(config()).ApiCall(more, vm26.NewCreateInstancesResponse())
	refused("a field that no version has", err, "INVALID_PARAMETER_VALUE", "surprise")
}

type extended struct {
	*vm26.CreateInstancesRequest
	Surprise string `json:"surprise"`
}

// fill gives every field below a value that is not left out and that no type check minds, and counts the fields.
func fill(value reflect.Value) int {
	switch value.Kind() {
	case reflect.Pointer:
		if value.IsNil() {
			value.Set(reflect.New(value.Type().Elem()))
		}
		return fill(value.Elem())
	case reflect.Slice:
		if value.Type().Elem().Kind() == reflect.Uint8 {
			return 0
		}
		value.Set(reflect.MakeSlice(value.Type(), 1, 1))
		return fill(value.Index(0))
	case reflect.String:
		value.SetString("nowhere")
	case reflect.Int, reflect.Int64:
		value.SetInt(1)
	case reflect.Float64:
		value.SetFloat(1)
	case reflect.Bool:
		value.SetBool(true)
	case reflect.Struct:
		count := 0
		for i := range value.NumField() {
			field := value.Type().Field(i)
			if !field.Anonymous && field.IsExported() && field.Tag.Get("json") != "-" {
				count += 1 + fill(value.Field(i))
			}
		}
		return count
	default:
		fail("a field of kind %s", value.Kind())
	}
	return 0
}
