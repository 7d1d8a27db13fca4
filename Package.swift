// swift-tools-version: 6.2
import PackageDescription

let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]
let strictC: [CSetting] = [.treatAllWarnings(as: .error)]

func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, exclude: ["README.md"], swiftSettings: strict)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.target(name: name)] + dependencies, swiftSettings: strict)
}

let package = Package(
  name: "gpt",
  products: [
    .library(name: "GPT", targets: ["GPT"]),
    .executable(name: "gpt", targets: ["gpt"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2")
  ],
  targets: [
    .target(name: "CKernels", exclude: ["README.md"], cSettings: strictC),
    // No pkgConfig: its flags would link the library, which is loaded when first needed.
    .systemLibrary(name: "COpenBLAS", providers: [.apt(["libopenblas-dev"])]),
    .systemLibrary(
      name: "CSentencePieceLibrary", pkgConfig: "sentencepiece",
      providers: [.apt(["libsentencepiece-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(
      name: "CSentencePiece", dependencies: ["CSentencePieceLibrary"], exclude: ["README.md"],
      cxxSettings: [.treatAllWarnings(as: .error)]),
    module("GPTJSON"),
    module("GPTTensor"),
    module("GPTOps", ["GPTTensor", "CKernels", "COpenBLAS"]),
    module("GPTWeights", ["GPTTensor", "GPTJSON"]),
    module("GPTTokenizer", ["GPTTensor", "GPTJSON", "CSentencePiece"]),
    module("GPTModel", ["GPTTensor", "GPTJSON", "GPTOps", "GPTWeights", "GPTTokenizer"]),
    module(
      "GPTTraining",
      ["GPTModel", "GPTOps", "GPTTensor", "GPTTokenizer", "GPTWeights", "GPTJSON", "CZlib"]),
    module("GPT", ["GPTModel", "GPTOps", "GPTTensor", "GPTTokenizer", "GPTWeights"]),
    module(
      "GPTCommands",
      [
        "GPT", "GPTTraining", "GPTModel", "GPTOps", "GPTTensor", "GPTTokenizer", "GPTJSON",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]),
    .executableTarget(name: "gpt", dependencies: ["GPTCommands"], swiftSettings: strict),
    .target(
      name: "TestSupport", dependencies: ["GPTModel", "GPTOps", "GPTTensor", "GPTJSON"],
      path: "Tests/TestSupport", swiftSettings: strict),
    tests(of: "GPTJSON"),
    tests(of: "GPTTensor"),
    tests(of: "GPTOps", ["GPTTensor", "CKernels", "TestSupport"]),
    tests(of: "GPTWeights", ["GPTTensor", "GPTJSON"]),
    tests(of: "GPTTokenizer", ["GPTJSON", "GPTTensor"]),
    tests(
      of: "GPTModel",
      ["GPTOps", "GPTTensor", "GPTWeights", "GPTTokenizer", "GPTJSON", "TestSupport"]),
    tests(
      of: "GPTTraining",
      [
        "GPTModel", "GPTOps", "GPTTensor", "GPTTokenizer", "GPTWeights", "GPTJSON", "CZlib",
        "TestSupport",
      ]),
    tests(of: "GPT", ["GPTJSON", "GPTModel", "GPTTokenizer", "TestSupport"]),
    tests(
      of: "GPTCommands",
      ["GPT", "GPTTraining", "GPTModel", "GPTTokenizer", "GPTJSON", "TestSupport"]),
  ],
  cxxLanguageStandard: .cxx17
)
