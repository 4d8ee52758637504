// A running job, live: each event of its stream makes the server draw its page's changing part anew. When streams are
// short, the part is asked for every few seconds. Without this file there is a Refresh link.
(function () {
  "use strict";
  var box = document.querySelector("[data-live]");

  var countdowns = function () {
    document.querySelectorAll("[data-countdown]").forEach(function (place) {
      var left = Math.max(0, Number(place.dataset.countdown) - 1);
      place.dataset.countdown = left;
      place.textContent = left;
    });
  };
  setInterval(countdowns, 1000);
  if (!box) { return; }

  var source = null, timer = 0, asking = false, again = false;
  var pressed = false, waits = "";
  var put = function (html) {
    if (pressed) { waits = html; return; }
    var focused = document.activeElement && box.contains(document.activeElement) ? document.activeElement.id : "";
    var log = box.querySelector(".log");
    var lines = log ? log.scrollTop : 0;
    box.innerHTML = html;
    if (focused && document.getElementById(focused)) { document.getElementById(focused).focus(); }
    if (lines) { box.querySelector(".log").scrollTop = lines; }
    var active = box.querySelector("[data-active]").dataset.active;
    var badge = document.querySelector(".nav .count");
    if (badge) { badge.hidden = !active; badge.firstChild.textContent = active; }
    if (box.querySelector("[data-final]")) { stop(); }
    document.dispatchEvent(new CustomEvent("redline:drawn", { detail: box }));
  };
  // A button that is drawn anew between its press and its release gets no click: what came meanwhile waits.
  var press = function () { pressed = true; };
  var release = function () {
    setTimeout(function () {
      var html = waits;
      pressed = false;
      waits = "";
      if (html) { put(html); }
    }, 0);
  };
  ["pointerdown", "keydown"].forEach(function (kind) { box.addEventListener(kind, press); });
  ["pointerup", "pointercancel", "keyup", "dragend"].forEach(function (kind) { document.addEventListener(kind, release); });
  window.addEventListener("blur", release);
  var stop = function () {
    if (source) { source.close(); }
    clearInterval(poll);
    source = null;
    box.removeAttribute("data-live");
  };
  var ask = function () {
    if (asking) { again = true; return; }
    asking = true;
    fetch(box.dataset.part, { headers: { Accept: "text/html", "X-Partial": "job" } })
      .then(function (answer) { return answer.ok ? answer.text() : ""; })
      .then(function (html) { if (html) { put(html); } })
      .catch(function () { /* the server is away: the stream or the next question finds out whether it is back */ })
      .then(function () {
        asking = false;
        if (again) { again = false; soon(); }
      });
  };
  var soon = function () {
    clearTimeout(timer);
    timer = setTimeout(ask, 150);
  };
  var poll = setInterval(function () {
    if (!document.hidden && (!source || source.readyState !== EventSource.OPEN)) { ask(); }
  }, 3000);

  source = new EventSource(box.dataset.live);
  ["message", "state", "log", "wait", "part", "note", "progress", "request", "end"].forEach(function (kind) {
    source.addEventListener(kind, soon);
  });
})();
