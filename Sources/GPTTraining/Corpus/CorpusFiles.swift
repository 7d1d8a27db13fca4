internal import GPTTensor
import Glibc

/// One input of a corpus.
struct CorpusFile: Sendable, Equatable {
  enum Layout: Sendable { case text, lines }

  static let standardInput = "-"

  var path: String
  /// 0 for standard input.
  var byteCount: Int
  /// Nanoseconds since 1970; 0 for standard input.
  var modified: Int

  var isStandardInput: Bool { path == Self.standardInput }
  var name: String { isStandardInput ? "standard input" : path }

  /// JSON lines by the name, everything else is text.
  var layout: Layout {
    var stem = path.lowercased()
    if stem.hasSuffix(".gz") { stem.removeLast(3) }
    return stem.hasSuffix(".jsonl") || stem.hasSuffix(".ndjson") ? .lines : .text
  }
}

/// Finds the files of a corpus.
///
/// A folder stands for the regular files in it and in the folders below, in the order of their
/// names; names that begin with a dot are left out, and so is everything behind a symbolic link,
/// which also makes loops impossible.
struct CorpusFinder {
  /// A bound on what a mistaken path (`/`) costs.
  private static let fileLimit = 1 << 20
  private static let depthLimit = 64

  private var files: [CorpusFile] = []
  /// Device and inode of the folder that the prepared corpus goes to.
  private let excluded: (device: dev_t, inode: ino_t)?

  private init(excluding folder: String) {
    var status = stat()
    excluded = stat(folder, &status) == 0 ? (status.st_dev, status.st_ino) : nil
  }

  static func files(
    of paths: [String], excluding folder: String
  ) throws(TrainingError) -> [CorpusFile] {
    guard !paths.isEmpty else {
      throw .invalid(location: "corpus", found: "no path", expected: "a file or a folder")
    }
    var finder = CorpusFinder(excluding: folder)
    for path in paths {
      if path == CorpusFile.standardInput {
        let isNew = !finder.files.contains { $0.isStandardInput }
        if isNew { finder.files.append(CorpusFile(path: path, byteCount: 0, modified: 0)) }
      } else {
        try finder.add(path)
      }
    }
    return finder.files
  }

  /// A path that the user named; a symbolic link is followed here.
  private mutating func add(_ path: String) throws(TrainingError) {
    guard !path.utf8.contains(0) else { throw .file(.unusablePath(path: path)) }
    var status = stat()
    guard stat(path, &status) == 0 else {
      throw .file(.system(path: path, operation: "open it", code: errno))
    }
    guard status.st_mode & S_IFMT == S_IFDIR else {
      // Opening says of what kind a thing is that is no regular file.
      do { close(try openRegular(path: path).number) } catch { throw .file(error) }
      return try append(path, status)
    }
    let before = files.count
    try addFolder(path, status, depth: 0)
    guard files.count > before else {
      throw .invalid(location: path, found: "a folder without files", expected: "text files")
    }
  }

  private mutating func addFolder(
    _ path: String, _ status: stat, depth: Int
  ) throws(TrainingError) {
    if let excluded, excluded == (status.st_dev, status.st_ino) { return }
    guard depth < Self.depthLimit else {
      throw .invalid(
        location: path, found: "folders nested deeper than \(Self.depthLimit)", expected: "fewer")
    }
    let names: [String?]
    do { names = try folderEntries(path: path) } catch { throw .file(error) }
    for name in names {
      guard let name else {
        throw .invalid(location: path, found: "a name that is not UTF-8", expected: "UTF-8 names")
      }
      if name.hasPrefix(".") { continue }
      let inner = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
      var status = stat()
      guard lstat(inner, &status) == 0 else {
        throw .file(.system(path: inner, operation: "examine it", code: errno))
      }
      switch status.st_mode & S_IFMT {
      case S_IFDIR: try addFolder(inner, status, depth: depth + 1)
      case S_IFREG: try append(inner, status)
      default: continue
      }
    }
  }

  private mutating func append(_ path: String, _ status: stat) throws(TrainingError) {
    guard files.count < Self.fileLimit else {
      throw .invalid(
        location: path, found: "more than \(Self.fileLimit) files", expected: "fewer")
    }
    let modified =
      Int(status.st_mtim.tv_sec).multipliedReportingOverflow(by: 1_000_000_000).partialValue
    files.append(
      CorpusFile(
        path: path, byteCount: Int(status.st_size),
        modified: modified &+ Int(status.st_mtim.tv_nsec)))
  }
}
