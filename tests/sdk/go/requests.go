package main

import (
	bmc22 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/bmc20221120"
	bmc26 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/bmc20260201"
	"github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/common"
	vm23 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20230313"
	vm26 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/vm20260401"
	zec24 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zec20240401"
	zec25 "github.com/zenlayer/zenlayercloud-sdk-go/zenlayercloud/zec20250901"
)

const (
	image   = "img-yKK4q6XybymPgfx7ynUUqC3N8"
	zone    = "SEL-A"
	zecZone = "asia-east-1a"
)

// Orders that every rule of the test's organisation allows.

func vm26Order() *vm26.CreateInstancesRequest {
	order := vm26.NewCreateInstancesRequest()
	order.ZoneId = common.String(zone)
	order.InstanceType = common.String("c.1c2g")
	order.ImageId = common.String(image)
	order.InstanceChargeType = common.String("POSTPAID")
	order.InternetChargeType = common.String("ByBandwidth")
	order.Tags = &vm26.TagAssociation{Tags: []*vm26.Tag{{Key: common.String("owner"), Value: common.String("web")}}}
	return order
}

func vm23Order() *vm23.CreateInstancesRequest {
	order := vm23.NewCreateInstancesRequest()
	order.ZoneId = zone
	order.InstanceType = "c.1c2g"
	order.ImageId = image
	order.InstanceChargeType = "POSTPAID"
	order.InternetChargeType = "ByBandwidth"
	order.Tags = &vm23.TagAssociation{Tags: []*vm23.Tag{{Key: common.String("owner"), Value: common.String("web")}}}
	return order
}

func bmc22Order() *bmc22.CreateInstancesRequest {
	order := bmc22.NewCreateInstancesRequest()
	order.ZoneId = zone
	order.InstanceTypeId = "S9I"
	order.InstanceChargeType = "POSTPAID"
	order.InternetChargeType = "ByBandwidth"
	order.Hostname = "web"
	order.Amount = 1
	return order
}

func bmc26Order() *bmc26.CreateInstancesRequest {
	order := bmc26.NewCreateInstancesRequest()
	order.ZoneId = common.String(zone)
	order.InstanceTypeId = common.String("S9I")
	order.InstanceChargeType = common.String("POSTPAID")
	order.InternetChargeType = common.String("ByBandwidth")
	order.Hostname = common.String("web")
	order.Amount = common.Integer(2)
	return order
}

func zec24Order() *zec24.CreateZecInstancesRequest {
	order := zec24.NewCreateZecInstancesRequest()
	order.ZoneId = zecZone
	order.InstanceType = "z2a.cpu.1"
	order.ImageId = image
	order.InstanceCount = 1
	return order
}

func zec24VMOrder() *zec24.CreateInstancesRequest {
	order := zec24.NewCreateInstancesRequest()
	order.ZoneId = zecZone
	order.InstanceType = "z2a.cpu.1"
	order.ImageId = image
	order.InstanceCount = 1
	return order
}

func zec25Order() *zec25.CreateZecInstancesRequest {
	order := zec25.NewCreateZecInstancesRequest()
	order.ZoneId = common.String(zecZone)
	order.InstanceType = common.String("z2a.cpu.1")
	order.ImageId = common.String(image)
	order.InstanceCount = common.Integer(1)
	return order
}

// vm26Create orders and answers with the number of machines.
func vm26Create(client *vm26.Client, order *vm26.CreateInstancesRequest) (int, error) {
	answer, err := client.CreateInstances(order)
	if err != nil {
		return 0, err
	}
	return len(answer.Response.InstanceIdSet), nil
}
