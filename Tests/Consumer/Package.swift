// swift-tools-version: 6.2
import PackageDescription

let package = Package(
  name: "Consumer",
  dependencies: [.package(name: "gpt", path: "../..")],
  targets: [
    .target(name: "Consumer", dependencies: [.product(name: "GPT", package: "gpt")]),
    .testTarget(
      name: "ConsumerTests",
      dependencies: ["Consumer", .product(name: "GPT", package: "gpt")]),
  ]
)
