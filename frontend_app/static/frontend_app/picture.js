"use strict";

// The picture, live: dots for requests, looks of parts, and slow motion. Whatever is shown, the front has told
// (server-sent events; frontend_app/picture/DESIGN.md). The page is enough without this script.
(() => {
  const picture = document.getElementById("picture");
  const said = document.getElementById("feed-said");
  const lastNews = document.getElementById("last-news");
  const still = matchMedia("(prefers-reduced-motion: reduce)");
  const MOST_DOTS = 12, CROWD_DOTS = 5, LEG_MS = 260, STEP_MS = 1600, LIT_MS = 350, BEAT_MS = 125, SPARING_MS = 1200;
  const MOST_FRAMES = 24, ENOUGH_FRAMES = 8;  // Saved, one in SPARING_MS, for times at which much happens.
  const CROWD = 3;  // Requests in a second.
  const SILENT_MS = 12000, AGAIN_MS = 10000, RING_MS = 250, RING_STEPS = 4;
  const all = (selector, root = picture) => [...root.querySelectorAll(selector)];
  const sentences = new Map(all("[data-sentence]").map(each => [each.dataset.sentence, each.textContent]));

  // Everything is looked up once: what comes may come twenty times a second.
  function indexed(name, root = picture) {
    const found = new Map();
    for (const each of all(`[data-${name}]`, root)) {
      const key = each.dataset[name];
      found.set(key, [...(found.get(key) ?? []), each]);
    }
    return found;
  }
  const parts = indexed("part"), says = indexed("says"), offers = indexed("offers"), excuses = indexed("unless");
  const drawings = all(".drawing").map(svg => {
    let width = svg.clientWidth;
    new ResizeObserver(([{contentRect}]) => { width = contentRect.width; }).observe(svg);
    return {
      isShown: matchMedia(svg.classList.contains("phone") ? "(max-width: 800px)" : "(min-width: 800.02px)"),
      at: indexed("at", svg),
      edges: new Map(all("[data-edge]", svg).map(each => [each.dataset.edge, [...each.points].map(({x, y}) => [x, y])])),
      rings: all(".lease .left", svg),
      scale: () => width / svg.viewBox.baseVal.width,
    };
  });
  const drawing = () => drawings.find(each => each.isShown.matches) ?? drawings[0];

  // ------------------------------------------------------------------------------------------ looks

  function show(looks) {
    for (const [part, [word, text]] of Object.entries(looks)) {
      for (const each of parts.get(part) ?? []) if (each.dataset.look !== word) each.dataset.look = word;
      for (const each of says.get(part) ?? []) if (each.textContent !== text) each.textContent = text;
      if (part.startsWith("offer:")) offer(part, word.split(" "));
    }
  }

  function offer(part, actions) {
    for (const list of offers.get(part) ?? []) {
      for (const item of all("[data-action]", list)) item.hidden = !actions.includes(item.dataset.action);
    }
    for (const each of excuses.get(part) ?? []) each.hidden = actions.some(Boolean);
  }

  // The ring shows the last half of a lease, in quarters: while leases are renewed in time, nothing is drawn anew. A
  // page that is sparing hears of them too late for that; that there is none is among the looks.
  let leaseEnds = 0, leaseOf = 1;
  function lease({left_s: left, of_s: whole}) {
    const hadLeft = leaseEnds > performance.now();
    [leaseEnds, leaseOf] = [performance.now() + 1000 * left, 1000 * whole];
    if (hadLeft !== left > 0) drawLease();
  }
  function drawLease() {
    const left = isSparing() ? 1 : Math.max(0, Math.min(1, 2 * (leaseEnds - performance.now()) / leaseOf));
    const dashes = `${Math.ceil(RING_STEPS * left) * 100 / RING_STEPS} 100`;
    for (const ring of drawing().rings) if (ring.getAttribute("stroke-dasharray") !== dashes) ring.setAttribute("stroke-dasharray", dashes);
  }

  // ------------------------------------------------------------------------------------------- dots

  const lit = new Map();
  function light(at, kind, forMs = LIT_MS) {
    const shown = drawing();
    const known = lit.get(at);
    if (known && (known.kind !== kind || known.shown !== shown)) known.end();
    const isOn = lit.has(at);
    const found = shown.at.get(at) ?? [];
    if (!isOn) for (const part of found) part.classList.add("lit", kind);
    const end = () => { lit.delete(at); for (const part of found) part.classList.remove("lit", kind); };
    lit.set(at, {kind, shown, end, until: performance.now() + forMs});
    wake();
  }

  // From one part to another, along the edge that is drawn between them, in whichever direction.
  function way({edges}, from, to) {
    return edges.get(`${from}>${to}`) ?? edges.get(`${to}>${from}`)?.toReversed() ?? [];
  }

  // Dots lie above the drawing, each a layer of its own, so that nothing is drawn anew when one moves.
  const dots = document.getElementById("dots");
  const moving = new Set();
  let isCrowd = false;

  // Whatever changes, changes in one beat: each costs a frame, and a frame costs what it costs. A page may have eight a
  // second for a few seconds, and one in SPARING_MS in the long run: then, and in a crowd, where no eye follows a dot, it is
  // sparing, and a dot takes a leg a beat. News of nodes don't wait for that, nor does slow motion.
  let heard = [], beating = 0, isSoon = false, frames = MOST_FRAMES, savedAt = 0, isSpent = false;
  const isSparing = () => (isCrowd || isSpent) && !isSlow;
  function count(drawn) {
    const now = performance.now();
    frames = Math.max(0, Math.min(MOST_FRAMES, frames + (now - savedAt) / SPARING_MS) - drawn);
    savedAt = now;
    isSpent = frames < (isSpent ? ENOUGH_FRAMES : 1);
  }
  function wake(isNews = false) {
    if (beating && (isSoon || !isNews)) return;
    clearTimeout(beating);
    count(0);
    isSoon = isNews || !isSparing();
    beating = setTimeout(beat, isSoon ? BEAT_MS : SPARING_MS);
  }
  function hear(handle, data) {
    heard.push([handle, data]);
    wake(handle === news);
  }
  function beat() {
    clearTimeout(beating);
    beating = 0;
    const now = performance.now(), told = heard;
    heard = [];
    passed = 0;
    const over = [...lit.values()].filter(({until}) => now >= until);
    if (over.length || moving.size || told.some(([handle]) => handle !== lease)) count(1);
    for (const {end} of over) end();
    for (const dot of [...moving]) {
      const share = (now - dot.began) / dot.forMs;
      if (share >= 1) dot.end();
      else place(dot, share * (dot.route.length - 1));
    }
    for (const [handle, data] of told) handle(JSON.parse(data));
    if (moving.size || lit.size) wake();
  }
  function place({element, route, scale}, along) {
    const leg = Math.floor(along), part = along - leg;
    const [[x, y], [toX, toY]] = [route[leg], route[leg + 1]];
    element.style.transform = `translate(${scale * (x + (toX - x) * part)}px, ${scale * (y + (toY - y) * part)}px)`;
  }

  async function move(legs, kind, legMs = LEG_MS) {
    if (still.matches || document.hidden || moving.size >= MOST_DOTS) return;
    const shown = drawing();
    const route = legs.flatMap(([from, to]) => way(shown, from, to));
    if (route.length < 2) return;
    const element = document.createElement("i");
    element.className = `dot ${kind}`;
    const dot = {element, route, scale: shown.scale(), began: performance.now(), forMs: legMs * legs.length};
    place(dot, 0);
    dots.append(element);
    moving.add(dot);
    wake();
    await new Promise(done => { dot.end = () => { element.remove(); moving.delete(dot); done(); }; });
  }

  const clean = kind => kind === "front" ? "front-alone" : kind;
  const catalogs = ["catalog-1", "catalog-2"];
  const isNode = name => /-\d+$/.test(name);

  // What a step lights, and which legs a dot takes for it.
  function shownAs([code, at]) {
    const node = at[0];
    switch (code) {
      case "ask": return {lit: ["client"], legs: [["client", "front"]]};
      case "find": return {lit: ["front", "slots"], legs: []};
      case "turn": case "order": case "write": case "again": return {lit: [node], legs: [["front", node]]};
      case "fail": return {lit: [node], legs: [[node, "front"]], kind: "failed"};
      case "read": return {lit: [`file:${node}`], legs: [[node, `file:${node}`], [`file:${node}`, node], [node, "front"]]};
      case "keep": return {lit: ["front", "slots"], legs: []};
      case "sell": return {lit: isNode(at[1]) ? [at[1]] : catalogs, legs: isNode(at[1]) ? [[node, at[1]]] : []};
      case "commit": return {lit: at.map(each => `file:${each}`), legs: []};
      case "invalidate": return {lit: ["front", "slots"], legs: isNode(node) ? [[node, "front"]] : [], kind: "invalidation"};
      case "floor": return {lit: [node], legs: []};
      case "note": return {lit: at.slice(1).map(each => `file:${each}`), legs: [[node, "front"]]};
      default: return {lit: ["client"], legs: [["front", "client"]], kind: code === "answer" ? undefined : "failed"};
    }
  }

  // Of many some are followed from the first leg to the last, and the others not at all.
  let followed = 0, passed = 0;
  async function run(told) {
    if (isSparing() && followed >= (isCrowd ? CROWD_DOTS : MOST_DOTS)) { passed += 1; return; }
    followed += 1;
    try { await follow(told); } finally { followed -= 1; }
  }

  async function follow({kind, steps}) {
    for (const step of steps) {
      const {lit, legs, kind: own} = shownAs(step);
      // An invalidation was drawn when it came, before this request was answered.
      if (step[0] === "invalidate") continue;
      lit.forEach(at => light(at, own ?? clean(kind)));
      if (legs.length) await move(legs, own ?? clean(kind), isSparing() ? SPARING_MS : step[0] === "read" ? LEG_MS / 2 : LEG_MS);
      if (document.hidden || still.matches) return;
    }
  }

  // ------------------------------------------------------------------------------------ slow motion

  const slow = document.getElementById("slow"), hold = document.getElementById("hold");
  const next = document.getElementById("next"), what = document.getElementById("slow-what");
  const list = document.getElementById("slow-steps"), waiting = what.textContent;
  let isSlow = false, isHeld = false, current = null, at = 0, timer = 0, leftOut = 0;

  function begin(told) {
    if (current) { leftOut += told.for; return; }
    current = told;
    at = -1;
    const before = leftOut ? ` ${leftOut} others went by meanwhile.` : "";
    leftOut = told.for - 1;
    what.textContent = `${told.method} ${told.route}: a ${told.kind === "front" ? "request for the front alone" : told.kind}, ${told.took_ms} ms.${before}`;
    list.replaceChildren(...told.steps.map(([code, nodes, more, isSeen]) => {
      const item = document.createElement("li");
      const details = [...new Set(nodes)].filter(each => each !== "client").join(", ");
      const added = [details, more].filter(Boolean).join("; ");
      item.textContent = `${sentences.get(code) ?? code}${added && ` (${added})`}`;
      item.className = isSeen ? "coming" : "coming concluded";
      return item;
    }));
    advance();
  }

  function advance() {
    clearTimeout(timer);
    if (!current) return;
    at += 1;
    if (at >= current.steps.length) { current = null; return; }
    const {lit, legs, kind} = shownAs(current.steps[at]);
    [...list.children].forEach((item, number) => {
      item.classList.toggle("coming", number > at);
      item.toggleAttribute("aria-current", number === at);
    });
    lit.forEach(each => light(each, kind ?? clean(current.kind), STEP_MS));
    move(legs, kind ?? clean(current.kind), STEP_MS / 2 / Math.max(1, legs.length));
    if (!isHeld) timer = setTimeout(advance, STEP_MS);
  }

  function press(button, isPressed) { button.setAttribute("aria-pressed", String(isPressed)); }

  slow.addEventListener("click", () => {
    isSlow = !isSlow;
    press(slow, isSlow);
    hold.hidden = next.hidden = document.getElementById("slow-way").hidden = !isSlow;
    clearTimeout(timer);
    current = null;
    leftOut = 0;
    list.replaceChildren();
    what.textContent = waiting;
  });
  hold.addEventListener("click", () => {
    isHeld = !isHeld;
    press(hold, isHeld);
    clearTimeout(timer);
    if (!isHeld && current) advance();
  });
  next.addEventListener("click", () => { if (!isHeld) hold.click(); advance(); });

  // ----------------------------------------------------------------------------------------- stream

  const BAD = new Set(["left", "ended", "out-of-sync"]);
  let source = null, heardAt = 0, watchdog = 0, lostAt = 0, ring = 0;

  function news({kind, node, text}) {
    lastNews.textContent = `${node} ${text}`;
    lastNews.dataset.kind = kind;
    light(node, BAD.has(kind) ? "failed" : "hit", 1500);
    light(`file:${node}`, BAD.has(kind) ? "failed" : "hit", 1500);
    const other = node.replace(/\d$/, digit => String(3 - digit));
    if (kind === "left") light(other, "change", 1500);
    if (kind === "repaired-by-log" || kind === "repaired-by-copy") {
      light(`file:${other}`, "hit", 1500);
      move([[`file:${other}`, other], [other, `file:${node}`]], "hit", 700);
    }
  }

  const LIVE = "Live.";
  const handlers = {
    hello: told => { show(told.looks); lease(told.lease); said.textContent = LIVE; picture.dataset.live = "yes"; },
    looks: show,
    lease,
    answered: told => { if (isSlow) begin(told); else run(told); },
    happened: news,
    invalidated: told => {
      if (isSlow) return;
      light("slots", "invalidation");
      if (told.from && !(isCrowd && moving.size >= CROWD_DOTS)) move([[told.from, "front"]], "invalidation");
    },
    rate: ({answered, drawn}) => {
      isCrowd = answered > CROWD;
      const plural = answered === 1 ? "" : "s";
      const part = isCrowd || passed ? `; ${followed} are followed here` : answered > drawn ? `; ${drawn} of them are drawn` : "";
      const text = answered ? `Live. ${answered} request${plural} in the last second${part}.` : LIVE;
      if (said.textContent !== text) said.textContent = text;
    },
    dropped: ({count}) => { said.textContent = `Live, but this page was too slow: ${count} messages were left out.`; },
    missed: () => { lastNews.textContent = "The connection was lost: something may have happened that isn't told here."; },
  };

  // The table below, too, costs a frame or two whenever it is fetched anew: a sparing page does so each fourth time.
  let turn = 0;
  document.addEventListener("htmx:before:request", event => {
    if (event.target.id !== "live") return;
    turn = isSparing() ? (turn + 1) % 4 : 0;
    if (turn) event.preventDefault();
  });

  function open() {
    if (source || document.hidden) return;
    source = new EventSource(picture.dataset.feed);
    heardAt = performance.now();
    const beats = () => { heardAt = performance.now(); };
    source.onopen = beats;
    source.onerror = () => {
      beat();  // What was told before is shown before.
      isCrowd = false;  // Until the next one is told.
      delete picture.dataset.live;
      const isRefused = source && source.readyState === EventSource.CLOSED;
      said.textContent = isRefused
        ? "Not live: too many watch this front, or it can't tell. The table below goes on."
        : "Not live: this front doesn't answer. What you see is what it said last.";
      if (isRefused) { close(); lostAt = setTimeout(open, AGAIN_MS); }
    };
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, event => { beats(); hear(handle, event.data); });
    }
    ring = setInterval(drawLease, RING_MS);
    watchdog = setInterval(() => {
      if (performance.now() - heardAt > SILENT_MS) { close(); open(); }
    }, SILENT_MS / 4);
  }

  function close() {
    clearInterval(watchdog);
    clearInterval(ring);
    clearTimeout(lostAt);
    heard = [];
    isCrowd = false;
    source?.close();
    source = null;
    delete picture.dataset.live;
  }

  // A browser keeps six connections to a server: a page that nobody sees gives its own back.
  document.addEventListener("visibilitychange", () => { if (document.hidden) close(); else open(); });
  addEventListener("pagehide", close);
  addEventListener("pageshow", open);

  // ---------------------------------------------------------------------------------- menus and words

  function opened() {
    const menu = location.hash.startsWith("#menu-") ? document.getElementById(decodeURIComponent(location.hash.slice(1))) : null;
    menu?.focus({preventScroll: true});
  }
  function shut() {
    // Looked for now: a menu is there before `hashchange` tells of it.
    const opener = all(".drawing a").find(each => each.getAttribute("href") === location.hash && each.getClientRects().length);
    // Nothing has that name: nothing is the target any more, and the page doesn't scroll.
    location.replace("#closed");
    history.replaceState(null, "", location.pathname + location.search);
    opener?.focus({preventScroll: true});
  }
  addEventListener("hashchange", opened);
  picture.addEventListener("click", event => {
    if (event.target.closest?.(".menu .close")) { event.preventDefault(); shut(); }
  });
  document.addEventListener("keydown", event => {
    if (event.key !== "Escape") return;
    means.hidden = true;
    if (location.hash.startsWith("#menu-")) shut();
  });

  // Words that are drawn can't have their meaning by style sheet alone.
  const means = document.createElement("p");
  means.id = "means";
  means.hidden = true;
  means.setAttribute("aria-hidden", "true");
  picture.append(means);
  const explain = event => {
    const word = event.target.closest?.(".drawing .word");
    means.hidden = !word;
    if (word) { means.textContent = word.dataset.means; means.dataset.means = word.dataset.means; }
  };
  document.addEventListener("pointerover", explain);
  document.addEventListener("focusin", explain);
  document.addEventListener("focusout", () => { means.hidden = true; });

  document.getElementById("player").hidden = false;
  opened();
  open();
})();
