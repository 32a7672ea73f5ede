//! Fields of `zec CreateZecInstances` and `zec CreateInstances`.
//!
//! From the structs `CreateZecInstancesRequest` and `CreateInstancesRequest` of the Go SDK
//! (`zenlayercloud/zec20240401/models.go`, `zenlayercloud/zec20250901/models.go`; the names behind the rows are their
//! members), the classes of the same names in the Python SDK 2.0.77 and, for the types of 2025-09-01, the description of the
//! action that the vendor's command line carries.

use super::common::{
    MARKETING, SYSTEM_DISK, TEXT, amount, decimal, flag, list, object, required_text, script, size, tags,
    text,
};
use super::{Field, Shape, Table};

/// Version 2024-04-01: `CreateZecInstancesRequest`, `zenlayercloud/zec20240401/models.go`. It carries neither security group
/// nor tags.
pub(super) static CREATE_ZEC_INSTANCES_2024: Table = Table {
    fields: &[
        required_text("zoneId"),                 // ZoneId
        required_text("instanceType"),           // InstanceType
        text("imageId"),                         // ImageId
        text("resourceGroupId"),                 // ResourceGroupId
        text("instanceName"),                    // InstanceName
        amount("instanceCount"),                 // InstanceCount
        text("password"),                        // Password
        text("keyId"),                           // KeyId
        text("internetChargeType"),              // InternetChargeType
        decimal("trafficPackageSize"),           // TrafficPackageSize, TB
        size("bandwidth"),                       // Bandwidth, Mbps
        text("subnetId"),                        // SubnetId
        text("lanIp"),                           // LanIp
        object("systemDisk", SYSTEM_DISK),       // SystemDisk
        list("dataDisks", &DATA_DISK_2024, 100), // DataDisks
        text("timeZone"),                        // TimeZone
        flag("enableAgent"),                     // EnableAgent
        flag("enableIpForward"),                 // EnableIpForward
        text("eipV4Type"),                       // EipV4Type
        text("clusterId"),                       // ClusterId
        text("eipBindType"),                     // EipBindType
        object("marketingOptions", MARKETING),   // MarketingOptions
    ],
};

/// Version 2024-04-01: `CreateInstancesRequest`, `zenlayercloud/zec20240401/models.go`: the older action, by the name that vm
/// and bmc use too.
pub(super) static CREATE_INSTANCES_2024: Table = Table {
    fields: &[
        required_text("zoneId"),                 // ZoneId
        required_text("instanceType"),           // InstanceType
        text("imageId"),                         // ImageId
        text("resourceGroupId"),                 // ResourceGroupId
        text("instanceName"),                    // InstanceName
        amount("instanceCount"),                 // InstanceCount
        text("password"),                        // Password
        text("keyId"),                           // KeyId
        text("internetChargeType"),              // InternetChargeType
        decimal("trafficPackageSize"),           // TrafficPackageSize, TB
        size("bandwidth"), // Bandwidth, Mbps; float64 there, whole numbers here as in the newer action
        text("subnetId"),  // SubnetId
        object("systemDisk", SYSTEM_DISK), // SystemDisk
        list("dataDisks", &DATA_DISK_2024, 100), // DataDisks
        text("timeZone"),  // TimeZone
        flag("enableAgent"), // EnableAgent
        flag("enableIpForward"), // EnableIpForward
        text("eipV4Type"), // EipV4Type
    ],
};

/// Version 2025-09-01: `CreateZecInstancesRequest`, `zenlayercloud/zec20250901/models.go`.
pub(super) static CREATE_ZEC_INSTANCES_2025: Table = Table {
    fields: &[
        required_text("zoneId"),                 // ZoneId
        text("imageId"),                         // ImageId
        text("timeZone"),                        // TimeZone
        required_text("instanceType"),           // InstanceType
        text("instanceName"),                    // InstanceName
        text("password"),                        // Password
        text("keyId"),                           // KeyId
        text("nicNetworkType"),                  // NicNetworkType
        amount("instanceCount"),                 // InstanceCount; 1 to 100
        object("systemDisk", SYSTEM_DISK_2025),  // SystemDisk
        list("dataDisks", &DATA_DISK_2025, 100), // DataDisks; 1 disk
        text("securityGroupId"),                 // SecurityGroupId
        text("placementGroupId"),                // PlacementGroupId
        text("subnetId"),                        // SubnetId
        text("lanIp"),                           // LanIp
        flag("enableAgent"),                     // EnableAgent
        flag("enableIpForward"),                 // EnableIpForward
        text("internetChargeType"),              // InternetChargeType
        decimal("trafficPackageSize"),           // TrafficPackageSize, TB
        size("bandwidth"),                       // Bandwidth, Mbps
        text("eipBindType"),                     // EipBindType
        list("eipIds", &TEXT, 100),              // EipIds
        text("eipV4Type"),                       // EipV4Type
        text("ipStackType"),                     // IpStackType
        text("networkLineType"),                 // NetworkLineType
        text("clusterId"),                       // ClusterId
        text("ipv6ClusterId"),                   // Ipv6ClusterId
        text("resourceGroupId"),                 // ResourceGroupId
        object("marketingOptions", MARKETING),   // MarketingOptions
        tags("tags"),                            // Tags
        script("userData"),                      // UserData
        object("instanceOptions", OPTIONS),      // InstanceOptions
    ],
};

/// Go `DataDisk`, `zenlayercloud/zec20240401/models.go`.
const DATA_DISK_2024: Shape = Shape::Object(&[
    text("diskId"),       // DiskId, in answers only
    size("diskSize"),     // DiskSize, GB
    text("diskName"),     // DiskName, in answers only
    text("diskCategory"), // DiskCategory
    flag("portable"),     // Portable, in answers only
    amount("diskAmount"), // DiskAmount
]);

/// Go `SystemDisk`, `zenlayercloud/zec20250901/models.go`.
const SYSTEM_DISK_2025: &[Field] = &[
    text("diskId"),          // DiskId, in answers only
    size("diskSize"),        // DiskSize, GB
    text("diskCategory"),    // DiskCategory
    flag("burstingEnabled"), // BurstingEnabled
];

/// Go `DataDisk`, `zenlayercloud/zec20250901/models.go`.
const DATA_DISK_2025: Shape = Shape::Object(&[
    text("diskId"),          // DiskId, in answers only
    text("diskName"),        // DiskName, in answers only
    size("diskSize"),        // DiskSize, GB
    amount("diskAmount"),    // DiskAmount
    flag("portable"),        // Portable, in answers only
    flag("burstingEnabled"), // BurstingEnabled
    text("diskCategory"),    // DiskCategory
]);

/// Go `InstanceOptions`, `zenlayercloud/zec20250901/models.go`.
const OPTIONS: &[Field] = &[
    flag("nestedVirtualization"), // NestedVirtualization
];
