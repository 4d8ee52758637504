// A list of tickers from a file: chosen or dropped, it is read into the text, where it can be seen and changed.
// Without this file the browser sends the file along with the form.
(function () {
  "use strict";
  var form = document.getElementById("ask");
  var text = form && form.querySelector("[data-drop]");
  var file = form && form.querySelector("input[type=file]");
  if (!text || !file) { return; }
  var HEADS = ["ticker", "tickers", "symbol", "symbols"];

  var cells = function (line) {                  // quotes around a cell are all that a list of tickers ever has
    return line.split(/[,;\t]/).map(function (cell) { return cell.trim().replace(/^"(.*)"$/, "$1"); });
  };
  var tickers = function (content) {
    var rows = content.replace(/^\uFEFF/, "").split(/\r?\n/).filter(function (line) { return line.trim(); }).map(cells);
    if (!rows.length) { return []; }
    var head = rows[0].map(function (cell) { return cell.toLowerCase(); });
    var named = HEADS.find(function (one) { return head.indexOf(one) >= 0; });
    var at = named ? head.indexOf(named) : 0;
    if (!named && rows.length === 1) { return rows[0]; }
    return rows.slice(named ? 1 : 0).map(function (row) { return row[at] || ""; });
  };
  var take = function (one) {
    one.arrayBuffer().then(function (bytes) {
      var content;
      try {
        content = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
        if (content.indexOf("\u0000") >= 0) { return; }          // no text: the server says so when the form is sent
      } catch (e) { return; }
      var found = tickers(content).filter(Boolean);
      text.value = (text.value.trim() ? text.value.trim() + "\n" : "") + found.join("\n");
      file.value = "";
      text.dispatchEvent(new Event("input", { bubbles: true }));
      text.focus();
    });
  };
  file.addEventListener("change", function () { if (file.files.length) { take(file.files[0]); } });
  text.addEventListener("dragover", function (e) {
    if (e.dataTransfer.types.indexOf("Files") >= 0) { e.preventDefault(); text.setAttribute("data-over", ""); }
  });
  text.addEventListener("dragleave", function () { text.removeAttribute("data-over"); });
  text.addEventListener("drop", function (e) {
    text.removeAttribute("data-over");
    if (e.dataTransfer.files.length) { e.preventDefault(); take(e.dataTransfer.files[0]); }
  });
})();
