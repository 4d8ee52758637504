// Candles with volume from GET /data/bars. Gaps stay open: whitespace on the time axis under a band that names the state.
// All colours are the tokens of style.css, read again when the theme changes. Times are UTC, dates those of the session.
(function () {
  "use strict";
  var lib = window.LightweightCharts;
  if (!lib) { return; }
  var charts = [];

  // A light-dark() token resolves only in a property that takes a colour, and the library reads plain rgb alone.
  var probe = document.createElement("span");
  probe.hidden = true;
  document.body.appendChild(probe);
  var token = function (name, alpha) {
    probe.className = "tone tone-" + name;
    var parts = getComputedStyle(probe).color.match(/[\d.]+/g).slice(0, 3);
    return "rgba(" + parts.join(", ") + ", " + (alpha === undefined ? 1 : alpha) + ")";
  };
  var colours = function () {
    return {
      sheet: token("sheet"), ink: token("ink"), text: token("ink-3"), rule: token("rule"), edge: token("edge"),
      up: token("good"), down: token("ink-2"), volUp: token("good", 0.45), volDown: token("ink-3", 0.5),
      band: token("edge", 0.18)
    };
  };

  // Bands over the gaps, under the candles; lines at the splits and letters at the dividends, over them.
  var Bands = function (gaps, splits, dividends) { this.gaps = gaps; this.splits = splits; this.dividends = dividends; this.colour = ""; this.text = ""; this.line = ""; };
  Bands.prototype.attached = function (it) { this.chart = it.chart; this.request = it.requestUpdate; };
  Bands.prototype.updateAllViews = function () {};
  Bands.prototype.paneViews = function () {
    var self = this;
    var view = function (order, draw) {
      return { zOrder: function () { return order; }, renderer: function () { return { draw: function (target) { draw.call(self, target); } }; } };
    };
    return [view("bottom", this.drawGaps), view("top", this.drawSplits)];
  };
  Bands.prototype.drawGaps = function (target) {
    var scale = this.chart.timeScale(), gaps = this.gaps, colour = this.colour, text = this.text;
    var half = scale.options().barSpacing / 2;
    target.useBitmapCoordinateSpace(function (at) {
      var pen = at.context, ratio = at.horizontalPixelRatio;
      gaps.forEach(function (gap) {
        var a = scale.timeToCoordinate(gap.first), b = scale.timeToCoordinate(gap.last);
        if (a === null || b === null) { return; }
        var left = Math.round((a - half) * ratio), width = Math.max(ratio, Math.round((b - a + 2 * half) * ratio));
        pen.fillStyle = colour;
        pen.fillRect(left, 0, width, at.bitmapSize.height);
        if (width > 60 * ratio) {
          pen.fillStyle = text;
          pen.font = Math.round(11 * ratio) + "px sans-serif";
          pen.fillText(gap.state, left + 4 * ratio, 14 * at.verticalPixelRatio);
        }
      });
    });
  };
  Bands.prototype.drawSplits = function (target) {
    var scale = this.chart.timeScale(), splits = this.splits, dividends = this.dividends, text = this.text, line = this.line;
    target.useBitmapCoordinateSpace(function (at) {
      var pen = at.context, ratio = at.horizontalPixelRatio;
      pen.font = "600 " + Math.round(11 * ratio) + "px sans-serif";
      pen.fillStyle = text;
      splits.forEach(function (split) {
        var x = scale.timeToCoordinate(split[0]);
        if (x === null) { return; }
        pen.strokeStyle = line;
        pen.lineWidth = Math.max(1, Math.floor(ratio));
        pen.setLineDash([2 * ratio, 3 * ratio]);
        pen.beginPath();
        pen.moveTo(Math.round(x * ratio) + 0.5, 18 * at.verticalPixelRatio);
        pen.lineTo(Math.round(x * ratio) + 0.5, at.bitmapSize.height);
        pen.stroke();
        pen.setLineDash([]);
        pen.textAlign = "center";
        pen.fillText("S " + split[1], x * ratio, 12 * at.verticalPixelRatio);
        pen.textAlign = "left";
      });
      var last = -Infinity;
      pen.textAlign = "center";
      dividends.forEach(function (dividend) {        // where they stand too close for letters, some are left out
        var x = scale.timeToCoordinate(dividend[0]);
        if (x === null || x - last < 12) { return; }
        last = x;
        pen.fillText("D", x * ratio, 28 * at.verticalPixelRatio);
      });
      pen.textAlign = "left";
    });
  };

  var seconds = function (text) { return Math.floor(Date.parse(text) / 1000); };
  var day = function (text) { return text.slice(0, 10); };

  // Rows and missing sessions as one sorted list: a session without rows is a point without values.
  var points = function (body, missing, intraday) {
    var at = {};
    body.columns.forEach(function (name, n) { at[name] = n; });
    var bars = body.rows.map(function (row) {
      return {
        time: intraday ? seconds(row[at.timestamp]) : day(row[at.date]), open: row[at.open], high: row[at.high],
        low: row[at.low], close: row[at.close], volume: row[at.volume], source: row[at.source]
      };
    });
    var held = new Set(bars.map(function (bar) { return bar.time; }));
    var space = [], gaps = [];
    missing.forEach(function (gap) {
      // 14:30 UTC lies inside every regular session of New York, in summer and in winter.
      var from = intraday ? seconds(gap[0] + "T14:30:00Z") : gap[0];
      var steps = intraday ? 6 : 1, last = from;
      for (var n = 0; n < steps; n += 1) {
        last = intraday ? from + n * 3600 : from;
        if (!held.has(last)) { space.push({ time: last }); }
      }
      var before = gaps[gaps.length - 1];
      if (before && before.state === gap[1] && before.at === gap[2] - 1) { before.last = last; before.at = gap[2]; } else {
        gaps.push({ first: from, last: last, state: gap[1], at: gap[2] });
      }
    });
    var order = function (a, b) { return a.time < b.time ? -1 : a.time > b.time ? 1 : 0; };
    var first = {};                                // of each session its first bar: marks stand there
    body.rows.forEach(function (row, n) { first[day(row[at.date])] = first[day(row[at.date])] || bars[n].time; });
    var mark = function (marks) { return marks.map(function (one) { return [first[one[0]] || one[0], one[1]]; }); };
    return { bars: bars, all: bars.concat(space).sort(order), gaps: gaps, mark: mark };
  };

  var say = function (box, text) {
    var place = box.querySelector("[data-chart-status]");
    if (place) { place.textContent = text; }
  };

  var draw = function (box, body) {
    var intraday = box.dataset.intraday === "yes";
    var made = points(body, JSON.parse(box.dataset.gaps), intraday);
    if (!made.bars.length) { say(box, "No rows in this range: there is nothing to draw."); return; }
    box.textContent = "";
    var chart = lib.createChart(box, {
      autoSize: true,
      layout: { attributionLogo: false, background: { type: "solid", color: "transparent" }, fontFamily: getComputedStyle(document.body).fontFamily },
      localization: { locale: "en-GB", dateFormat: "yyyy-MM-dd" },
      timeScale: { timeVisible: intraday, secondsVisible: false, rightOffset: 1, minBarSpacing: 0.05, maxBarSpacing: 24 },
      crosshair: { mode: 0 }
    });
    var digits = made.bars[made.bars.length - 1].close < 1 ? 4 : 2;
    var least = Math.min.apply(null, made.bars.map(function (bar) { return bar.low; }));
    var label = function (price) { return price < 0 && least >= 0 ? "" : price.toFixed(digits); };  // the margin under the prices
    var candles = chart.addSeries(lib.CandlestickSeries, { priceFormat: { type: "custom", formatter: label, minMove: Math.pow(10, -digits) }, priceLineVisible: false });
    var volume = chart.addSeries(lib.HistogramSeries, { priceFormat: { type: "volume" }, priceScaleId: "", priceLineVisible: false, lastValueVisible: false });
    candles.priceScale().applyOptions({ scaleMargins: { top: 0.08, bottom: 0.26 } });
    volume.priceScale().applyOptions({ scaleMargins: { top: 0.8, bottom: 0 } });
    var bands = new Bands(made.gaps, made.mark(JSON.parse(box.dataset.splits)), made.mark(JSON.parse(box.dataset.dividends)));
    candles.attachPrimitive(bands);

    var paint = function () {
      var c = colours();
      chart.applyOptions({
        layout: { textColor: c.text },
        grid: { vertLines: { visible: false }, horzLines: { color: c.rule } },
        rightPriceScale: { borderColor: c.rule },
        timeScale: { borderColor: c.rule },
        crosshair: { vertLine: { color: c.edge, labelBackgroundColor: c.ink }, horzLine: { color: c.edge, labelBackgroundColor: c.ink } }
      });
      candles.applyOptions({
        upColor: c.sheet, borderUpColor: c.up, wickUpColor: c.up, downColor: c.down, borderDownColor: c.down, wickDownColor: c.down
      });
      volume.setData(made.all.map(function (bar) {
        return bar.volume === undefined || bar.volume === null ? { time: bar.time }
          : { time: bar.time, value: bar.volume, color: bar.close >= bar.open ? c.volUp : c.volDown };
      }));
      bands.colour = c.band;
      bands.text = c.text;
      bands.line = c.text;
      if (bands.request) { bands.request(); }
    };
    candles.setData(made.all);
    paint();
    charts.push(paint);
    chart.timeScale().fitContent();
    legend(box, chart, candles, made);
    box.dataset.drawn = String(made.bars.length);
  };

  // The line above the chart: the bar under the pointer, else the last one.
  var legend = function (box, chart, candles, made) {
    var line = box.parentElement.querySelector("[data-ohlc]");
    if (!line) { return; }
    var byTime = new Map(made.bars.map(function (bar) { return [bar.time, bar]; }));
    var number = function (value, least) {
      return value === null || value === undefined ? "" : Number(value).toLocaleString("en", { minimumFractionDigits: least, maximumFractionDigits: 4 });
    };
    var show = function (bar) {
      var when = typeof bar.time === "string" ? bar.time : new Date(bar.time * 1000).toISOString().slice(0, 16).replace("T", " ") + " UTC";
      line.textContent = "";
      [["", when], ["Open ", number(bar.open, 2)], ["High ", number(bar.high, 2)], ["Low ", number(bar.low, 2)], ["Close ", number(bar.close, 2)],
        ["Volume ", number(bar.volume, 0)], ["Source ", bar.source]].forEach(function (pair) {
        var place = document.createElement("span"), value = document.createElement("b");
        place.textContent = pair[0];
        value.textContent = pair[1];
        place.appendChild(value);
        line.appendChild(place);
      });
    };
    show(made.bars[made.bars.length - 1]);
    chart.subscribeCrosshairMove(function (move) {
      var bar = move.time === undefined ? made.bars[made.bars.length - 1] : byTime.get(move.time);
      if (bar) { show(bar); }
    });
  };

  var load = function (box) {
    say(box, "Reading the rows …");
    fetch(box.dataset.chart, { headers: { Accept: "application/json" } }).then(function (answer) {
      return answer.json().then(function (body) {
        if (answer.ok) { draw(box, body); } else { say(box, body.error + " " + body.hint); }
      });
    }).catch(function () { say(box, "The rows could not be read. Reload the page to try again."); });
  };
  var find = function (root) {
    root.querySelectorAll("[data-chart]").forEach(function (box) { if (!box.dataset.asked) { box.dataset.asked = "yes"; load(box); } });
  };
  var repaint = function () { charts.forEach(function (paint) { paint(); }); };

  find(document);
  document.addEventListener("redline:drawn", function (e) { find(e.detail); });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", repaint);
  matchMedia("print").addEventListener("change", repaint);       // prints are light, whatever the screen is
  new MutationObserver(repaint).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
})();
