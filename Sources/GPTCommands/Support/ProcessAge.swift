import Glibc

/// How long this process has been running.
enum ProcessAge {
  /// Since the kernel made the process, in steps of 10 ms (`starttime` of `/proc/self/stat`,
  /// proc(5)): loading the program counts, and what a shell does before it becomes this program.
  static func seconds() throws(CommandError) -> Double {
    let path = "/proc/self/stat"
    let text = try Files.text(Files.readAll(path: path), location: path)
    // The second field, the program's name in parentheses, may hold spaces.
    let fields = text[(text.lastIndex(of: ")") ?? text.startIndex)...].split(separator: " ")
    guard fields.count > 20, let ticks = Double(fields[20]) else {
      throw .invalid(location: path, found: "no starttime", expected: "one")
    }
    var now = timespec()
    clock_gettime(CLOCK_BOOTTIME, &now)
    let started = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    return Double(now.tv_sec) + Double(now.tv_nsec) * 1e-9 - started
  }
}
