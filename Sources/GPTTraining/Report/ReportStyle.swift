/// The style sheet of a report. Every colour is a variable, once for light and once for dark.
let reportStyle = """
  :root {
    color-scheme: light dark;
    --page: #ffffff; --text: #1d2126; --soft: #667079; --line: #e3e6e9; --base: #a9b1b8;
    --panel: #f6f7f8; --main: #2563b8; --second: #c2571a;
  }
  @media (prefers-color-scheme: dark) {
    :root {
      --page: #14171a; --text: #e4e7ea; --soft: #98a2ab; --line: #2b3036; --base: #59626b;
      --panel: #1c2024; --main: #74a9f2; --second: #ee9a5f;
    }
  }
  * { box-sizing: border-box; }
  body {
    margin: 0; background: var(--page); color: var(--text);
    font: 15px/1.5 system-ui, -apple-system, "Segoe UI", "Noto Sans", "DejaVu Sans", sans-serif;
    font-variant-numeric: tabular-nums;
  }
  main { max-width: 1000px; margin: 0 auto; padding: 32px 20px 64px; }
  header { border-bottom: 1px solid var(--line); padding-bottom: 14px; }
  h1 { margin: 0; font-size: 24px; font-weight: 600; line-height: 1.3; overflow-wrap: anywhere; }
  h2 { margin: 40px 0 12px; font-size: 17px; font-weight: 600; }
  .status { margin: 4px 0 0; color: var(--soft); }
  .status b { color: var(--text); font-weight: 600; }
  .charts {
    display: grid; gap: 28px 24px; align-items: end; margin-top: 24px;
    grid-template-columns: repeat(3, minmax(0, 1fr));
  }
  figure { margin: 0; min-width: 0; }
  figure.wide { grid-column: 1 / -1; }
  figcaption { margin-bottom: 6px; }
  figcaption strong { font-weight: 600; }
  figcaption span { color: var(--soft); font-size: 13px; }
  figcaption .key { margin-left: 14px; white-space: nowrap; }
  .key::before {
    content: ""; display: inline-block; width: 16px; height: 0; margin-right: 6px;
    border-top: 2px solid; vertical-align: 4px;
  }
  .key.main::before { border-color: var(--main); }
  .key.second::before { border-color: var(--second); }
  svg { display: block; width: 100%; height: auto; }
  svg text { fill: var(--soft); font-size: 12px; }
  @media (max-width: 760px) {
    .charts { grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
    svg { overflow: visible; }
    svg text { font-size: 10px; }
    .wide svg text { font-size: 17px; }
  }
  svg text.value { text-anchor: end; }
  svg text.step { text-anchor: middle; }
  path { fill: none; stroke-linejoin: round; }
  path.grid { stroke: var(--line); }
  path.base { stroke: var(--base); }
  path.raw { stroke: var(--main); opacity: 0.3; }
  path.main { stroke: var(--main); stroke-width: 1.75; }
  path.second { stroke: var(--second); stroke-width: 1.75; }
  circle.raw, circle.main { fill: var(--main); }
  circle.second { fill: var(--second); }
  .empty { margin: 0; padding: 24px; background: var(--panel); color: var(--soft); }
  details { border-top: 1px solid var(--line); padding: 8px 0; }
  details:last-of-type { border-bottom: 1px solid var(--line); }
  summary { cursor: pointer; color: var(--soft); }
  details[open] summary { color: var(--text); }
  pre {
    margin: 8px 0 4px; padding: 14px 16px; background: var(--panel); border-radius: 4px;
    font: 13px/1.55 ui-monospace, "SF Mono", "DejaVu Sans Mono", monospace;
    white-space: pre-wrap; overflow-wrap: anywhere; tab-size: 4; unicode-bidi: plaintext;
  }
  table { width: 100%; border-collapse: collapse; }
  th, td {
    padding: 6px 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top;
    overflow-wrap: anywhere; white-space: pre-line;
  }
  tr:last-child th, tr:last-child td { border-bottom: 1px solid var(--line); }
  th { width: 240px; padding-right: 24px; color: var(--soft); font-weight: 400; }
  @media (max-width: 600px) { th { width: 40%; } }

  """
