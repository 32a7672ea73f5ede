package main

import (
	"reflect"
	"strings"

	aigw20260414 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/aigw20260414"
	alarm20250307 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/alarm20250307"
	bmc20221120 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/bmc20221120"
	bmc20260201 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/bmc20260201"
	ccs20250901 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/ccs20250901"
	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	ipt20240901 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/ipt20240901"
	maintenance20250310 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/maintenance20250310"
	mcpgw20260602 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/mcpgw20260602"
	pvtdns20251101 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/pvtdns20251101"
	sdn20230830 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/sdn20230830"
	traffic20240326 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/traffic20240326"
	user20240529 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/user20240529"
	vm20230313 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20230313"
	vm20260401 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20260401"
	zbc20240809 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zbc20240809"
	zdns20251101 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zdns20251101"
	zec20240401 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zec20240401"
	zec20250901 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zec20250901"
	zga20230706 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zga20230706"
	zlb20250401 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zlb20250401"
	zls20230804 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zls20230804"
	zos20251010 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zos20251010"
	zrm20251014 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zrm20251014"
)

// spelt are the methods of the SDK that are called other than the actions they send.
var spelt = map[string]string{
	"bmc DescribeDdosAvailableResources":                "DescribeDdosIpAvailableResources",
	"bmc DescribeInstanceAvailableDdosResources":        "DescribeInstanceAvailableDdosIpResources",
	"bmc UnassociateDdosIpAddress":                      "UnAssociateDdosIpAddress",
	"bmc UnassociateEipAddress":                         "UnAssociateEipAddress",
	"vm CreateImages":                                   "CreateImage",
	"vm DescribeInstanceAvailableSecurityGroupResource": "DescribeInstanceAvailableSecurityGroupResources",
}

// catalogue calls every method of every client of the SDK: whatever else is wrong with an empty request, the gateway
// knows the action and the version.
func catalogue() {
	key, secret := setting("ZENGATE_KEY"), setting("ZENGATE_SECRET")
	for _, one := range []struct {
		service, version string
		client           any
	}{
		{aigw20260414.SERVICE, aigw20260414.APIVersion, made(aigw20260414.NewClient(config(), key, secret))},
		{alarm20250307.SERVICE, alarm20250307.APIVersion, made(alarm20250307.NewClient(config(), key, secret))},
		{bmc20221120.SERVICE, bmc20221120.APIVersion, made(bmc20221120.NewClient(config(), key, secret))},
		{bmc20260201.SERVICE, bmc20260201.APIVersion, made(bmc20260201.NewClient(config(), key, secret))},
		{ccs20250901.SERVICE, ccs20250901.APIVersion, made(ccs20250901.NewClient(config(), key, secret))},
		{ipt20240901.SERVICE, ipt20240901.APIVersion, made(ipt20240901.NewClient(config(), key, secret))},
		{maintenance20250310.SERVICE, maintenance20250310.APIVersion, made(maintenance20250310.NewClient(config(), key, secret))},
		{mcpgw20260602.SERVICE, mcpgw20260602.APIVersion, made(mcpgw20260602.NewClient(config(), key, secret))},
		{pvtdns20251101.SERVICE, pvtdns20251101.APIVersion, made(pvtdns20251101.NewClient(config(), key, secret))},
		{sdn20230830.SERVICE, sdn20230830.APIVersion, made(sdn20230830.NewClient(config(), key, secret))},
		{traffic20240326.SERVICE, traffic20240326.APIVersion, made(traffic20240326.NewClient(config(), key, secret))},
		{user20240529.SERVICE, user20240529.APIVersion, made(user20240529.NewClient(config(), key, secret))},
		{vm20230313.SERVICE, vm20230313.APIVersion, made(vm20230313.NewClient(config(), key, secret))},
		{vm20260401.SERVICE, vm20260401.APIVersion, made(vm20260401.NewClient(config(), key, secret))},
		{zbc20240809.SERVICE, zbc20240809.APIVersion, made(zbc20240809.NewClient(config(), key, secret))},
		{zdns20251101.SERVICE, zdns20251101.APIVersion, made(zdns20251101.NewClient(config(), key, secret))},
		{zec20240401.SERVICE, zec20240401.APIVersion, made(zec20240401.NewClient(config(), key, secret))},
		{zec20250901.SERVICE, zec20250901.APIVersion, made(zec20250901.NewClient(config(), key, secret))},
		{zga20230706.SERVICE, zga20230706.APIVersion, made(zga20230706.NewClient(config(), key, secret))},
		{zlb20250401.SERVICE, zlb20250401.APIVersion, made(zlb20250401.NewClient(config(), key, secret))},
		{zls20230804.SERVICE, zls20230804.APIVersion, made(zls20230804.NewClient(config(), key, secret))},
		{zos20251010.SERVICE, zos20251010.APIVersion, made(zos20251010.NewClient(config(), key, secret))},
		{zrm20251014.SERVICE, zrm20251014.APIVersion, made(zrm20251014.NewClient(config(), key, secret))},
	} {
		client := reflect.ValueOf(one.client)
		for i := range client.NumMethod() {
			method, name := client.Method(i), client.Type().Method(i).Name
			if method.Type().NumIn() != 1 || !strings.HasSuffix(method.Type().In(0).String(), "Request") {
				continue
			}
			if action, other := spelt[one.service+" "+name]; other {
				name = action
			}
			base := &common.BaseRequest{}
			base.Init().InitWithApiInfo(one.service, one.version, name)
			request := reflect.New(method.Type().In(0).Elem())
			request.Elem().FieldByName("BaseRequest").Set(reflect.ValueOf(base))
			if err, _ := method.Call([]reflect.Value{request})[1].Interface().(error); err != nil {
				known := !strings.Contains(err.Error(), "that this gateway knows") && !strings.Contains(err.Error(), "has no version")
				if !known {
					done("UNKNOWN", one.service+" "+name+" "+one.version+": "+err.Error())
					summary["unknown"]++
				}
			}
			summary["actions"]++
		}
	}
	check(summary["unknown"] == 0, "%d actions are not known", summary["unknown"])
}
