module zengate/tests/sdk/go

go 1.23

require github.com/zenlayer/zenlayercloud-sdk-go v0.2.44
