/// A page of its own: title, a line below it and what follows, in the style of all reports.
///
/// - Parameters:
///   - title: text
///   - status, body: HTML; text in them is escaped by the caller
///   - reloadSeconds: after which an open page loads itself again; nil for never
package func reportDocument(
  title: String, status: String, body: String, reloadSeconds: Int? = nil
) -> String {
  let refresh =
    reloadSeconds.map { "<meta http-equiv=\"refresh\" content=\"\($0)\"/>\n" } ?? ""
  return """
    <!DOCTYPE html>
    <html lang="en">
    <head>
    <meta charset="utf-8"/>
    <meta name="viewport" content="width=device-width, initial-scale=1"/>
    <meta http-equiv="Content-Security-Policy" \
    content="default-src 'none'; style-src 'unsafe-inline'"/>
    \(refresh)<title>\(title.markup)</title>
    <style>
    \(reportStyle)</style>
    </head>
    <body>
    <main>
    <header>
    <h1>\(title.markup)</h1>
    <p class="status">\(status)</p>
    </header>
    \(body)</main>
    </body>
    </html>

    """
}
