'use strict';
(() => {
  const data = JSON.parse(document.getElementById('trace').textContent);
  // As TimeLineJson writes them.
  const events = data.events.map(([index, code, thread, offset, length, text, stack, outcome, guaranteedBy, key, value]) =>
    ({ index, code, thread, offset, length, text, stack, outcome, guaranteedBy, key, value, isStore: outcome >= 0 }));
  const byIndex = new Map(events.map((e, i) => [e.index, i]));
  const crash = data.crash;
  const outcomes = [crash < 0 ? 'durable' : 'durable before the crash', data.power ? 'there, though nothing guaranteed it' : 'there: the kernel keeps what was stored',
    'lost', 'torn', 'not reached', 'not guaranteed at the end'];
  const LINE = 64, LABEL = 92, ROW = 30, TOP = 40;
  let COLUMN = 26;
  const el = id => document.getElementById(id);
  const hex = n => '0x' + n.toString(16);
  const lineOf = n => Math.floor(n / LINE) * LINE;

  const linesOf = e => {
    if (!(e.isStore || e.code === 'f' || e.code === 'd') || e.length === 0) return [];
    const unit = e.isStore ? LINE : data.unit, lines = [];
    const end = Math.ceil((e.offset + e.length) / unit) * unit;
    for (let at = Math.floor(e.offset / unit) * unit; at < end; at += LINE) lines.push(at);
    return lines;
  };
  const touches = (e, line) => {
    if (!(e.isStore || e.code === 'f' || e.code === 'd') || e.length === 0) return false;
    const unit = e.isStore ? LINE : data.unit;
    return line >= Math.floor(e.offset / unit) * unit && line < Math.ceil((e.offset + e.length) / unit) * unit;
  };

  // Stores of each line, and of each event the lines that it guaranteed something in.
  const storesOf = new Map(), guarantees = new Map();
  for (const e of events) {
    if (!e.isStore) continue;
    for (const line of linesOf(e)) {
      if (!storesOf.has(line)) storesOf.set(line, []);
      storesOf.get(line).push(e);
      if (e.guaranteedBy >= 0) {
        if (!guarantees.has(e.guaranteedBy)) guarantees.set(e.guaranteedBy, new Set());
        guarantees.get(e.guaranteedBy).add(line);
      }
    }
  }

  // Operations, from begin to end on one thread.
  const operations = [], open = new Map();
  for (const e of events) {
    if (e.code === '(') open.set(e.thread, e);
    if (e.code === ')' && open.has(e.thread)) {
      const begin = open.get(e.thread);
      operations.push({ begin: begin.index, end: e.index, name: /'(.*)'/.exec(begin.text)?.[1] ?? '' });
      open.delete(e.thread);
    }
  }
  for (const begin of open.values()) operations.push({ begin: begin.index, end: Infinity, name: /'(.*)'/.exec(begin.text)?.[1] ?? '' });

  let story = new Set(data.lines), everything = data.lines.length === 0;
  let columns = [], position = new Map(), rows = [], start = 0, shown = 1, chosen = -1, hovered = -1;

  const isOfStory = e => e.key || '()m'.includes(e.code) || [...story].some(line => touches(e, line)) ||
    (guarantees.has(e.index) && [...guarantees.get(e.index)].some(line => story.has(line)));
  const chooseColumns = () => {
    const at = columns.length ? columns[Math.min(start + Math.floor(shown * 0.6), columns.length - 1)].index : crash < 0 ? 0 : crash;
    columns = everything ? events : events.filter(isOfStory);
    position = new Map(columns.map((e, i) => [e.index, i]));
    measure();
    centre(at);
  };
  const measure = () => {
    const width = el('chart').clientWidth || 900;
    COLUMN = Math.max(26, Math.min(52, Math.floor((width - LABEL - 8) / Math.max(1, columns.length))));
    shown = Math.max(4, Math.min(columns.length || 1, Math.floor((width - LABEL - 8) / COLUMN)));
    return width;
  };
  // The first column at or behind an event.
  const columnAt = index => {
    let low = 0, high = columns.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (columns[middle].index < index) low = middle + 1; else high = middle;
    }
    return low;
  };
  const move = to => { start = Math.max(0, Math.min(to, columns.length - shown)); draw(); };
  const centre = index => move(columnAt(index) - Math.floor(shown * 0.6));

  const SVG = 'http://www.w3.org/2000/svg';
  const shape = (parent, name, attributes, text) => {
    const node = document.createElementNS(SVG, name);
    for (const [k, v] of Object.entries(attributes)) node.setAttribute(k, v);
    if (text !== undefined) node.textContent = text;
    parent.append(node);
    return node;
  };
  const where = e => e.stack >= 0 ? data.stacks[e.stack].where ?? '' : '';
  const title = e => `event ${e.index}: ${e.text}${e.value ? ' = ' + e.value : ''}${where(e) ? '\n' + where(e) : ''}${e.isStore ? '\n' + outcomes[e.outcome] : ''}`;

  function draw() {
    const width = measure();
    start = Math.max(0, Math.min(start, columns.length - shown));
    const view = columns.slice(start, start + shown);
    rows = everything ? [...new Set(view.flatMap(linesOf).concat([...story]))].sort((a, b) => a - b) : [...story].sort((a, b) => a - b);
    const hidden = Math.max(0, rows.length - 60);
    rows = rows.slice(0, 60);
    const height = TOP + rows.length * ROW + 14;
    const svg = document.createElementNS(SVG, 'svg');
    svg.setAttribute('viewBox', `0 0 ${width} ${height}`);
    svg.setAttribute('height', height);
    const x = i => LABEL + i * COLUMN + COLUMN / 2;
    const right = LABEL + view.length * COLUMN;
    const yOf = new Map(rows.map((line, i) => [line, TOP + i * ROW + ROW / 2]));
    // Where an event would be, clipped to the view.
    const xAt = index => LABEL + Math.max(0, Math.min(view.length, columnAt(index) - start)) * COLUMN + (position.has(index) && columnAt(index) >= start && columnAt(index) < start + view.length ? COLUMN / 2 : 0);

    for (const o of operations) {
      const from = xAt(o.begin), to = o.end === Infinity ? right : xAt(o.end);
      if (to - from < 3) continue;
      shape(svg, 'rect', { class: 'operation', x: from, y: 2, width: to - from, height: 15, rx: 3 });
      const room = Math.floor((to - from) / 6.8);
      if (room > 2) shape(svg, 'text', { class: 'operation-name', x: from + 5, y: 13 }, o.name.length > room ? o.name.slice(0, room - 1) + '…' : o.name);
    }
    if (crash >= 0 && columnAt(crash) < start + view.length) {
      const at = LABEL + Math.max(0, columnAt(crash) - start) * COLUMN;
      shape(svg, 'rect', { class: 'after', x: at, y: TOP - 4, width: right - at, height: height - TOP });
    }
    for (const line of rows) {
      const y = yOf.get(line);
      shape(svg, 'line', { class: 'grid', x1: LABEL - 4, x2: right, y1: y, y2: y });
      const label = shape(svg, 'text', { class: 'address', x: LABEL - 10, y: y + 4, 'text-anchor': 'end' }, hex(line));
      shape(label, 'title', {}, story.has(line) ? 'Take this line out' : 'Keep this line');
      label.addEventListener('click', () => { if (story.has(line)) story.delete(line); else story.add(line); chooseColumns(); });
      // From each store to what guaranteed it, to the crash, or to the end.
      for (const e of storesOf.get(line) ?? []) {
        const last = e.outcome === 4 ? (e.guaranteedBy >= 0 ? e.guaranteedBy : Infinity) : crash >= 0 && (e.guaranteedBy < 0 || e.guaranteedBy >= crash) ? crash : e.guaranteedBy < 0 ? Infinity : e.guaranteedBy;
        const from = xAt(e.index), to = last === Infinity ? right : last === crash && !(e.guaranteedBy < crash && e.guaranteedBy >= 0) ? LABEL + Math.max(0, Math.min(view.length, columnAt(crash) - start)) * COLUMN : xAt(last);
        if (to > from) shape(svg, 'line', { class: `bar o${e.outcome}`, x1: from, x2: to, y1: y, y2: y });
      }
    }
    view.forEach((e, i) => {
      const cx = x(i), group = shape(svg, 'g', { class: `event${e.isStore ? ' o' + e.outcome : ''}${e.key ? ' key' : ''}` });
      shape(group, 'title', {}, title(e));
      shape(group, 'rect', { x: cx - COLUMN / 2, y: TOP - 22, width: COLUMN, height: height - TOP + 20, style: 'fill:transparent;stroke:none' });
      if (e.index === chosen) shape(group, 'rect', { class: 'chosen', x: cx - COLUMN / 2, y: TOP - 22, width: COLUMN, height: height - TOP + 20, style: 'fill:var(--link);stroke:none' });
      const label = String(e.index);
      shape(group, 'text', { x: cx, y: TOP - 8, 'text-anchor': 'middle', style: label.length > 3 ? 'font-size:9px' : '' }, label.length > 4 ? '…' + label.slice(-3) : label);
      if (e.code === '|') shape(group, 'line', { class: 'fence', x1: cx, x2: cx, y1: TOP - 2, y2: height - 8 });
      if ('()mn'.includes(e.code)) shape(group, 'text', { class: 'note', x: cx, y: TOP + 6, 'text-anchor': 'middle' }, e.code === 'm' ? '⚑' : e.code === 'n' ? '·' : e.code);
      for (const line of linesOf(e)) {
        const y = yOf.get(line);
        if (y === undefined) continue;
        if (e.isStore) {
          shape(group, 'rect', { x: cx - 9, y: y - 9, width: 18, height: 18, rx: 4 });
          shape(group, 'text', { class: 'letter', x: cx, y: y + 4 }, e.code);
        } else {
          shape(group, 'path', { class: 'flush', d: `M${cx - 7} ${y - 5}h14l-7 11z` });
          if (e.code === 'd') shape(group, 'path', { class: 'flush', d: `M${cx - 7} ${y - 11}h14v4h-14z` });
        }
      }
      for (const line of guarantees.get(e.index) ?? []) {
        const y = yOf.get(line);
        if (y !== undefined) shape(group, 'path', { class: 'guarantee', d: `M${cx} ${y - 7}l7 7l-7 7l-7 -7z` });
      }
      group.addEventListener('click', () => choose(e.index, false));
      group.addEventListener('mouseenter', () => { hovered = e.index; showDetail(); });
    });
    if (crash >= 0) {
      const at = columnAt(crash) - start;
      if (at >= 0 && at <= view.length) {
        const cx = LABEL + at * COLUMN, name = data.power ? 'power fails' : 'killed', left = cx > width - 90;
        shape(svg, 'line', { class: 'crash', x1: cx, x2: cx, y1: 4, y2: height - 2 });
        shape(svg, 'rect', { x: left ? cx - 86 : cx + 2, y: 2, width: 84, height: 15, style: 'fill:var(--panel);opacity:.85' });
        shape(svg, 'text', { class: 'crash-name', x: left ? cx - 5 : cx + 5, y: 13, 'text-anchor': left ? 'end' : 'start' }, name);
      }
    }
    if (hidden > 0) shape(svg, 'text', { x: LABEL, y: height - 2 }, `… and ${hidden} more lines`);
    el('chart').replaceChildren(svg);
    drawOverview();
  }

  function drawOverview() {
    el('overview').hidden = shown >= columns.length;
    const canvas = el('overview'), scale = window.devicePixelRatio || 1, width = canvas.clientWidth, height = 40;
    if (width === 0) return;
    canvas.width = width * scale; canvas.height = height * scale;
    const c = canvas.getContext('2d'), style = getComputedStyle(document.documentElement), colour = name => style.getPropertyValue(name).trim();
    c.scale(scale, scale);
    const count = columns.length || 1, one = Math.max(1, width / count);
    c.fillStyle = colour('--shade'); c.fillRect(0, 0, width, height);
    columns.forEach((e, i) => {
      const name = e.isStore ? ['--durable', '--there', '--lost', '--torn', '--later', '--later'][e.outcome] : e.code === '|' ? '--fence' : e.code === 'f' || e.code === 'd' ? '--flush' : null;
      if (!name) return;
      const tall = e.key ? 30 : e.isStore ? 18 : 10;
      c.fillStyle = colour(name); c.globalAlpha = e.key ? 1 : .7;
      c.fillRect(i / count * width, height - tall - 3, Math.max(1, one - (one > 3 ? 1 : 0)), tall);
    });
    c.globalAlpha = 1;
    if (crash >= 0) { c.fillStyle = colour('--lost'); c.fillRect(columnAt(crash) / count * width - 1, 0, 2, height); }
    c.strokeStyle = colour('--link'); c.lineWidth = 2;
    c.strokeRect(start / count * width + 1, 1, Math.max(4, Math.min(shown, count) / count * width - 2), height - 2);
  }

  function showDetail() {
    const e = events[byIndex.get(hovered >= 0 ? hovered : chosen)], box = el('detail');
    box.replaceChildren();
    const line = (text, css) => { const p = document.createElement('p'); p.textContent = text; if (css) p.className = css; box.append(p); };
    if (!e) { line('Point at an event to see where in the program it happened; click to keep it.', 'muted'); return; }
    line(`Event ${e.index}, thread ${e.thread}: ${e.text}${e.value ? ' = ' + e.value : ''}`);
    if (e.isStore) line(`${outcomes[e.outcome]}${e.guaranteedBy >= 0 ? crash >= 0 && e.guaranteedBy >= crash ? `; event ${e.guaranteedBy} would have guaranteed it` : `; guaranteed by event ${e.guaranteedBy}` : '; no event guarantees it'}`, `t${e.outcome}`);
    else if (guarantees.has(e.index)) line(`guarantees what was stored to ${[...guarantees.get(e.index)].slice(0, 8).map(hex).join(', ')}`, 't0');
    else if (e.code === '|') line('guarantees nothing new', 'muted');
    if (e.stack >= 0) { const pre = document.createElement('pre'); pre.textContent = data.stacks[e.stack].frames.join('\n'); box.append(pre); }
  }

  function choose(index, scroll) {
    chosen = index; hovered = -1;
    if (!position.has(index)) { everything = true; press(); chooseColumns(); }
    const at = columnAt(index);
    if (scroll || at < start || at >= start + shown) centre(index); else draw();
    showDetail();
    for (const row of el('list').children) row.classList.toggle('chosen', row.dataset.index === String(index));
  }

  // The list.
  let found = [], listed = 0;
  const haystack = e => `event ${e.index} thread ${e.thread} ${e.text} ${where(e)} ${e.isStore ? outcomes[e.outcome] : ''} ${e.value} ${linesOf(e).slice(0, 16).map(hex).join(' ')}`.toLowerCase();
  function search() {
    const words = el('filter').value.trim().toLowerCase();
    const only = el('only-lines').checked;
    found = events.filter(e => (!only || isOfStory(e)) && (words === '' || haystack(e).includes(words)));
    listed = 0;
    el('list').replaceChildren();
    // Begin near the crash when nothing is asked for.
    if (words === '' && crash >= 0 && found.length > 200) listed = Math.max(0, found.findIndex(e => e.index >= crash) - 20);
    more();
    el('count').textContent = `${found.length} of ${data.total} events${data.total > events.length ? ` (the page holds ${events.length} of them)` : ''}`;
  }
  function more() {
    const end = Math.min(found.length, listed + (listed === 0 ? 40 : 200));
    for (; listed < end; listed++) {
      const e = found[listed];
      if (crash >= 0 && e.index >= crash && (listed === 0 || found[listed - 1].index < crash)) {
        const row = el('list').insertRow(); row.className = 'crash';
        const cell = row.insertCell(); cell.colSpan = 5; cell.textContent = data.power ? 'power fails' : 'the process is killed';
      }
      const row = el('list').insertRow();
      row.dataset.index = e.index;
      if (e.index === chosen) row.className = 'chosen';
      const cells = [e.index, e.thread, e.text + (e.value ? ' = ' + e.value : ''), e.isStore ? outcomes[e.outcome] : '', where(e)];
      cells.forEach((text, i) => { const cell = row.insertCell(); cell.textContent = text; if (i === 0) cell.className = 'number'; if (i === 3 && e.isStore) cell.className = `t${e.outcome}`; });
    }
    el('more').hidden = listed >= found.length;
  }

  const press = () => { el('show-story').setAttribute('aria-pressed', String(!everything)); el('show-all').setAttribute('aria-pressed', String(everything)); };
  el('show-story').addEventListener('click', () => { everything = false; press(); chooseColumns(); });
  el('show-all').addEventListener('click', () => { everything = true; press(); chooseColumns(); });
  el('go-first').addEventListener('click', () => move(0));
  el('go-last').addEventListener('click', () => move(columns.length));
  el('go-back').addEventListener('click', () => move(start - Math.floor(shown / 2)));
  el('go-on').addEventListener('click', () => move(start + Math.floor(shown / 2)));
  el('go-crash').addEventListener('click', () => centre(crash));
  el('go-crash').hidden = crash < 0;
  el('add-line').addEventListener('submit', e => {
    e.preventDefault();
    const at = parseInt(el('line-address').value, 16);
    if (at >= 0) { story.add(lineOf(at)); el('line-address').value = ''; chooseColumns(); }
  });
  el('chart').addEventListener('mouseleave', () => { hovered = -1; showDetail(); });
  el('chart').addEventListener('wheel', e => { if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) { e.preventDefault(); move(start + Math.sign(e.deltaX) * 2); } }, { passive: false });
  el('chart').addEventListener('keydown', e => {
    const at = position.has(chosen) ? position.get(chosen) : Math.min(start + Math.floor(shown / 2), columns.length - 1);
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: columns.length - 1, c: Math.max(0, columnAt(crash) - 1) }[e.key];
    if (to === undefined || !columns[to]) return;
    e.preventDefault();
    choose(columns[to].index, false);
  });
  const jump = e => { if (e.buttons & 1) { const box = el('overview').getBoundingClientRect(); move(Math.round((e.clientX - box.left) / box.width * columns.length - shown / 2)); } };
  el('overview').addEventListener('pointerdown', jump);
  el('overview').addEventListener('pointermove', jump);
  el('filter').addEventListener('input', search);
  el('only-lines').addEventListener('change', search);
  el('more').addEventListener('click', more);
  el('list').addEventListener('click', e => { const row = e.target.closest('tr[data-index]'); if (row) choose(Number(row.dataset.index), true); });
  for (const link of document.querySelectorAll('[data-event]'))
    link.addEventListener('click', () => choose(Number(link.dataset.event), true));
  for (const button of document.querySelectorAll('[data-copy]')) {
    button.addEventListener('click', async () => {
      const code = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(code.textContent);
      } catch {
        // Pages opened from a file may not use the clipboard everywhere.
        const range = document.createRange(); range.selectNodeContents(code);
        const selection = getSelection(); selection.removeAllRanges(); selection.addRange(range);
        document.execCommand('copy');
      }
      button.textContent = 'Copied'; setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    });
  }
  window.addEventListener('resize', draw);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  for (const item of document.querySelectorAll('.legend [data-outcome]')) {
    const outcome = Number(item.dataset.outcome);
    if (events.some(e => e.outcome === outcome)) item.lastChild.data = outcomes[outcome]; else item.hidden = true;
  }
  chosen = events.find(e => e.key)?.index ?? -1;
  press();
  chooseColumns();
  showDetail();
  search();
})();
