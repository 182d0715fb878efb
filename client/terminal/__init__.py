"""The terminal client, after the Elm architecture: model, update and view are pure, and the edges carry out effects.

"Pure" modules import neither blessed nor sockets nor the clock. Read the folder in this order:

1. The data: `model` (the state, its events and effects), `line`, `scrollback`, `viewport`.
2. The rules: `update` receives every event; `server_events` and `keyboard` handle the server's and the person's, with
   `notes`, `mentions`, `attention`, `commands`, `jumps`, `mention_jumps`, `mouse` and `completion`.
3. The input: `keys` decodes bytes, with `sequences`, to `input_events`; `paste_detection` finds unmarked pastes;
   `input_reader` joins them.
4. The input line: `editor`, with `motions`, `changes` (undo), `history` and `line_search`, on `cells` (graphemes and
   their widths); `line_keys`; `input_rows` (the rows in which it is shown, with one of the `prompts`); `candidate_row`.
5. The screen: `rows` (lines to rows, with `addresses`), `view` (model to screen), `theme`, and one painter for each
   kind of layout: `painter`, `inline`, `printer`.
6. The edges: `capabilities` (blessed), `tty` (the device), `display` (a painter on it), `transcript` (a file),
   `external_editor`, `effects` (carries out what `update` asks for), and `window`, which joins everything.
"""
