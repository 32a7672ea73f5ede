//! Fields of `bmc CreateInstances`.
//!
//! From the struct `CreateInstancesRequest` of the Go SDK (`zenlayercloud/bmc20221120/models.go`,
//! `zenlayercloud/bmc20260201/models.go`; the names behind the rows are its members), the class of the same name in the
//! Python SDK 2.0.77 and, for types, the description of the action that the vendor's command line carries.

use super::common::{
    CHARGE, LONG_TEXT, MARKETING, NIC, POSITION, amount, decimal, flag, list, object, required_text, script,
    size, tags, text,
};
use super::{Field, Shape, Table};

/// Version 2022-11-20: `zenlayercloud/bmc20221120/models.go`.
pub(super) static CREATE_INSTANCES_2022: Table = Table {
    fields: &[
        required_text("zoneId"),                 // ZoneId
        text("instanceChargeType"),              // InstanceChargeType
        object("instanceChargePrepaid", CHARGE), // InstanceChargePrepaid
        required_text("instanceTypeId"),         // InstanceTypeId
        text("imageId"),                         // ImageId
        text("ipxeUrl"),                         // IpxeUrl
        text("keyId"),                           // Python `keyId`
        text("resourceGroupId"),                 // ResourceGroupId
        text("instanceName"),                    // InstanceName
        text("hostname"),                        // Hostname
        amount("amount"),                        // Amount; 1 to 100
        text("password"),                        // Password
        list("sshKeys", &LONG_TEXT, 100),        // SshKeys
        text("internetChargeType"),              // InternetChargeType
        size("internetMaxBandwidthOut"),         // InternetMaxBandwidthOut, Mbps
        decimal("trafficPackageSize"),           // TrafficPackageSize, TB
        text("subnetId"),                        // SubnetId
        object("raidConfig", RAID),              // RaidConfig
        list("partitions", &PARTITION, 100),     // Partitions
        object("nic", NIC),                      // Nic
        text("clusterId"),                       // ClusterId
        flag("enablePrimaryIPv6"),               // EnablePrimaryIPv6
        object("marketingOptions", MARKETING),   // MarketingOptions
        script("userData"),                      // UserData; 32 KB
        tags("tags"),                            // Tags
        flag("enableGatewayMode"),               // Python `enableGatewayMode`
    ],
};

/// Version 2026-02-01: `zenlayercloud/bmc20260201/models.go`.
pub(super) static CREATE_INSTANCES_2026: Table = Table {
    fields: &[
        required_text("zoneId"),                 // ZoneId
        text("instanceChargeType"),              // InstanceChargeType
        object("instanceChargePrepaid", CHARGE), // InstanceChargePrepaid
        required_text("instanceTypeId"),         // InstanceTypeId
        text("imageId"),                         // ImageId
        text("resourceGroupId"),                 // ResourceGroupId
        text("instanceName"),                    // InstanceName
        text("hostname"),                        // Hostname
        amount("amount"),                        // Amount; 1 to 100
        text("password"),                        // Password
        text("keyId"),                           // KeyId
        text("internetChargeType"),              // InternetChargeType
        size("internetMaxBandwidthOut"),         // InternetMaxBandwidthOut, Mbps
        decimal("trafficPackageSize"),           // TrafficPackageSize, TB
        text("subnetId"),                        // SubnetId
        object("raidConfig", RAID),              // RaidConfig
        list("partitions", &PARTITION, 100),     // Partitions
        object("nic", NIC),                      // Nic
        text("ipxeUrl"),                         // IpxeUrl
        script("userData"),                      // UserData; 32 KB
        flag("enablePrimaryIPv6"),               // EnablePrimaryIPv6
        text("clusterId"),                       // ClusterId
        object("marketingOptions", MARKETING),   // MarketingOptions
        tags("tags"),                            // Tags
        flag("enableGatewayMode"),               // EnableGatewayMode
    ],
};

/// Go `RaidConfig`.
const RAID: &[Field] = &[
    size("raidType"),                       // RaidType: 0, 1, 5, 10
    list("customRaids", &CUSTOM_RAID, 100), // CustomRaids
];

/// Go `CustomRaid`.
const CUSTOM_RAID: Shape = Shape::Object(&[
    size("raidType"),                     // RaidType
    list("diskSequence", &POSITION, 100), // DiskSequence: positions of disks, from 1
]);

/// Go `Partition`.
const PARTITION: Shape = Shape::Object(&[
    text("fsPath"), // FsPath
    text("fsType"), // FsType
    size("size"),   // Size, GB
]);
