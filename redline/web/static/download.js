// The bill under the Download form, live as one types. Without this file the button "Show the bill" does the same.
(function () {
  "use strict";
  var form = document.getElementById("ask");
  var bill = document.getElementById("bill");
  if (!form || !bill) { return; }
  var show = form.querySelector("[data-show-bill]");
  var chips = Array.from(form.querySelectorAll("[data-start-date]"));
  var start = form.elements.start_date, end = form.elements.end_date;
  var timer = 0, asked = 0;

  var whole = function () {                      // half-typed dates and an empty ticker are not worth a question
    var date = /^\d{4}-\d{2}-\d{2}$/;
    var named = (form.getAttribute("data-needs") || "ticker").split(" ").some(function (n) { return form.elements[n].value.trim(); });
    return named && [start.value, end.value].every(function (v) { return !v || date.test(v); });
  };
  var mark = function () {
    chips.forEach(function (chip) {
      var on = chip.dataset.startDate === start.value && chip.dataset.endDate === end.value;
      if (on) { chip.setAttribute("aria-current", "true"); } else { chip.removeAttribute("aria-current"); }
    });
  };
  var fields = function () {                     // a file is read into the text, or sent with the form; not with each key
    var all = new FormData(form);
    all.delete("tickers_file");
    return new URLSearchParams(all);
  };
  var ask = function () {
    asked += 1;
    var mine = asked;
    fetch(form.getAttribute("data-bill-from"), {          // form.dataset is the field of that name
      method: "POST",
      headers: { Accept: "text/html", "X-Partial": "bill" },
      body: fields()
    }).then(function (answer) {
      return answer.text().then(function (html) {
        if (mine !== asked || answer.status === 401) { return; }    // a later question is under way, or signed out
        bill.innerHTML = html;
        bill.removeAttribute("aria-busy");
      });
    }).catch(function () { bill.removeAttribute("aria-busy"); });
  };
  var later = function () {
    clearTimeout(timer);
    mark();
    var button = bill.querySelector("[data-start]");
    if (button) { button.disabled = true; }      // the words of the button name a cost that is no longer true
    if (!whole()) { return; }
    bill.setAttribute("aria-busy", "true");
    timer = setTimeout(ask, 250);
  };

  show.hidden = true;
  form.addEventListener("input", later);
  form.addEventListener("submit", function (e) {
    if (e.submitter === show) { e.preventDefault(); clearTimeout(timer); ask(); }
  });
  chips.forEach(function (chip) {
    chip.addEventListener("click", function (e) {
      e.preventDefault();
      start.value = chip.dataset.startDate;
      end.value = chip.dataset.endDate;
      later();
    });
  });
})();
