//! Fields of `vm CreateInstances`.
//!
//! From the struct `CreateInstancesRequest` of the Go SDK (`zenlayercloud/vm20230313/models.go`,
//! `zenlayercloud/vm20260401/models.go`; the names behind the rows are its members), the class of the same name in the
//! Python SDK 2.0.77 and the vendor's page of the action.

use super::common::{
    CHARGE, MARKETING, NIC, SYSTEM_DISK, amount, decimal, flag, list, object, required_text, script, size,
    tags, text,
};
use super::{Field, Shape, Table};

/// Version 2023-03-13: `zenlayercloud/vm20230313/models.go`.
pub(super) static CREATE_INSTANCES_2023: Table = Table {
    fields: &[
        required_text("zoneId"),                 // ZoneId
        text("instanceChargeType"),              // InstanceChargeType
        object("instanceChargePrepaid", CHARGE), // InstanceChargePrepaid
        required_text("instanceType"),           // InstanceType
        text("imageId"),                         // ImageId
        text("resourceGroupId"),                 // ResourceGroupId
        text("instanceName"),                    // InstanceName
        amount("instanceCount"),                 // InstanceCount; page: 1 to 100
        text("password"),                        // Password
        text("keyId"),                           // KeyId
        text("internetChargeType"),              // InternetChargeType
        size("internetMaxBandwidthOut"),         // InternetMaxBandwidthOut, Mbps
        decimal("trafficPackageSize"),           // TrafficPackageSize, TB; page: from 0
        text("subnetId"),                        // SubnetId
        flag("enableIpv6"),                      // EnableIpv6
        flag("enableIpv4"),                      // Python `enableIpv4`
        flag("cpuPassThrough"),                  // CpuPassThrough
        script("initScript"),                    // InitScript; page: 32 KB
        object("systemDisk", SYSTEM_DISK),       // SystemDisk
        list("dataDisks", &DATA_DISK_2023, 100), // DataDisks; page: 10 disks
        text("securityGroupId"),                 // SecurityGroupId
        object("nic", NIC),                      // Nic
        text("clusterId"),                       // ClusterId
        text("networkMode"),                     // NetworkMode
        flag("diskPreAllocated"),                // DiskPreAllocated
        object("marketingOptions", MARKETING),   // Python `marketingOptions`
        tags("tags"),                            // Python `tags`
    ],
};

/// Version 2026-04-01: `zenlayercloud/vm20260401/models.go`.
pub(super) static CREATE_INSTANCES_2026: Table = Table {
    fields: &[
        required_text("zoneId"),                  // ZoneId
        text("imageId"),                          // ImageId
        required_text("instanceType"),            // InstanceType
        text("instanceName"),                     // InstanceName
        text("password"),                         // Password
        text("keyId"),                            // KeyId
        text("resourceGroupId"),                  // ResourceGroupId
        text("instanceChargeType"),               // InstanceChargeType
        object("instanceChargePrepaid", CHARGE),  // InstanceChargePrepaid
        object("instanceChargePostpaid", CHARGE), // InstanceChargePostpaid
        text("internetChargeType"),               // InternetChargeType
        decimal("trafficPackageSize"),            // TrafficPackageSize, TB; page: from 0
        size("internetMaxBandwidthOut"),          // InternetMaxBandwidthOut, Mbps
        amount("instanceCount"),                  // InstanceCount; page: 1 to 100
        object("systemDisk", SYSTEM_DISK),        // SystemDisk
        list("dataDisks", &DATA_DISK_2026, 100),  // DataDisks; page: 10 disks
        text("subnetId"),                         // SubnetId
        flag("enableIpv6"),                       // EnableIpv6
        flag("enableIpv4"),                       // EnableIpv4
        flag("cpuPassThrough"),                   // CpuPassThrough
        script("initScript"),                     // InitScript; page: 32 KB
        text("networkMode"),                      // NetworkMode
        flag("diskPreAllocated"),                 // DiskPreAllocated
        object("nic", NIC),                       // Nic
        text("securityGroupId"),                  // SecurityGroupId
        text("clusterId"),                        // ClusterId
        text("cidrBlockId"),                      // CidrBlockId
        text("startCidrIpv4"),                    // StartCidrIpv4
        object("marketingOptions", MARKETING),    // MarketingOptions
        tags("tags"),                             // Tags
    ],
};

/// Go `DataDisk`, `zenlayercloud/vm20230313/models.go`.
const DATA_DISK_2023: Shape = Shape::Object(&[
    text("diskId"),       // DiskId, in answers only
    size("diskSize"),     // DiskSize, GB
    text("diskName"),     // DiskName, in answers only
    text("diskCategory"), // DiskCategory
    flag("portable"),     // Portable, in answers only
]);

/// Go `DataDisk`, `zenlayercloud/vm20260401/models.go`.
const DATA_DISK_2026: Shape = Shape::Object(&[
    text("diskId"),             // DiskId, in answers only
    text("diskName"),           // DiskName, in answers only
    size("diskSize"),           // DiskSize, GB
    amount("diskAmount"),       // DiskAmount
    flag("portable"),           // Portable, in answers only
    text("diskCategory"),       // DiskCategory
    object("diskPrice", PRICE), // DiskPrice, in answers only
]);

/// Go `PriceItem`, `zenlayercloud/vm20260401/models.go`.
const PRICE: &[Field] = &[
    decimal("discount"),                  // Discount
    decimal("discountPrice"),             // DiscountPrice
    decimal("originalPrice"),             // OriginalPrice
    decimal("unitPrice"),                 // UnitPrice
    decimal("discountUnitPrice"),         // DiscountUnitPrice
    text("chargeUnit"),                   // ChargeUnit
    list("stepPrices", &STEP_PRICE, 100), // StepPrices
    text("amountUnit"),                   // AmountUnit
    decimal("excessUnitPrice"),           // ExcessUnitPrice
    decimal("excessDiscountUnitPrice"),   // ExcessDiscountUnitPrice
    text("excessAmountUnit"),             // ExcessAmountUnit
    text("category"),                     // Category
];

/// Go `StepPrice`, `zenlayercloud/vm20260401/models.go`.
const STEP_PRICE: Shape = Shape::Object(&[
    decimal("stepStart"),         // StepStart
    decimal("stepEnd"),           // StepEnd
    decimal("unitPrice"),         // UnitPrice
    decimal("discountUnitPrice"), // DiscountUnitPrice
]);
