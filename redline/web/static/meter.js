// The budget meter: asks GET /budget every few seconds while the page is visible, and changes text and slots only.
(function () {
  "use strict";
  var meters = document.querySelectorAll("[data-meter]");
  if (!meters.length) { return; }

  var span = function (seconds) {
    var s = Math.round(seconds);
    if (s < 1) { return "now"; }
    return "in " + (s < 60 ? s + " s" : Math.floor(s / 60) + " m " + (s % 60) + " s");
  };
  var put = function (root, name, text) {
    root.querySelectorAll("[data-meter-" + name + "]").forEach(function (place) {
      if (place.textContent !== text) { place.textContent = text; }
    });
  };
  var show = function (rows) {
    meters.forEach(function (meter) {
      var row = rows.find(function (one) { return one.source === meter.dataset.meter; });
      if (!row) { return; }
      var used = Number(row.used).toLocaleString("en"), limit = Number(row.limit).toLocaleString("en");
      put(meter, "used", used + "/" + limit);
      put(meter, "long", used + " of " + limit);
      put(meter, "next", span(row.next_slot_s));
      put(meter, "today", Number(row.today || 0).toLocaleString("en"));
      var slots = meter.querySelectorAll(".slot");
      var filled = Math.ceil(row.used * slots.length / Math.max(row.limit, 1));
      slots.forEach(function (slot, at) { slot.classList.toggle("used", at < filled); });
    });
  };
  var ask = function () {
    if (document.hidden) { return; }
    fetch("/budget", { headers: { Accept: "application/json" } })
      .then(function (answer) { return answer.ok ? answer.json() : null; })
      .then(function (body) { if (body) { show(body.keys); } })
      .catch(function () { /* the server is away: the next question finds out whether it is back */ });
  };
  setInterval(ask, 3000);
  document.addEventListener("visibilitychange", ask);
})();
