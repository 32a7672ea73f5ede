# Terraform through the gateway. Only the provider block differs from what you have.
#
# The key may come from the environment instead: ZENLAYERCLOUD_ACCESS_KEY_ID, ZENLAYERCLOUD_ACCESS_KEY_PASSWORD.
# An own CA: SSL_CERT_FILE. The gateway needs deploy/config/terraform.yaml beside the organisation's data.
terraform {
  required_providers {
    zenlayercloud = {
      source = "zenlayer/zenlayercloud"
    }
  }
}

variable "gateway_key_id" {
  type = string
}

variable "gateway_key_secret" {
  type      = string
  sensitive = true
}

provider "zenlayercloud" {
  access_key_id       = var.gateway_key_id
  access_key_password = var.gateway_key_secret
  scheme              = "HTTPS"
  domain              = "gateway.example:8443"
}

resource "zenlayercloud_zvm_instance" "web" {
  availability_zone    = "SEL-A"
  instance_type        = "c.1c2g"
  image_id             = "img-yKK4q6XybymPgfx7ynUUqC3N8"
  instance_charge_type = "POSTPAID"
  internet_charge_type = "ByBandwidth"
  instance_name        = "web-1"
  system_disk_size     = 20
  # Required tags are written here, not filled in by the gateway: the provider would plan to remove them again.
  tags = {
    owner       = "jane"
    environment = "test"
  }
}
