// graph.js - the flame graph: boxes on a canvas, of which only those in sight are drawn, and the keys and clicks on it.

const ROW = 20, TEXT_FROM = 28, LEAST_WIDTH = 1, MOST_CANVAS = 16000, // pixels; more rows than browsers can draw are not drawn
	WHOLE = 2000; // so much is drawn as a whole, for pictures of the page
const FONT = 'system-ui, "DejaVu Sans", sans-serif';
const KIND_FONTS = { php: 'bold 12px ' + FONT, native: '12px ' + FONT, other: 'italic 12px ' + FONT, group: '12px ' + FONT };

// A graph knows what to show (view) and tells (on) of what was done to it.
// view: tree, zoom and focus (nodes), flame (root at the bottom), show (a value as text), compare (two profiles)
function makeGraph(view, on) {
	return { view, on, holder: byId('graph'), canvas: byId('canvas'), boxes: [], rows: 0, hover: -1, textWidths: new Map(), items: 0 };
}

// layOut - boxes of all that is wide enough to be seen, a list each row: {node, x, w}; node is -1 for all that is too narrow.
function layOut(g) {
	const { tree, zoom } = g.view, W = g.holder.clientWidth, rows = [];

	function place(node, x, w, row) {
		(rows[row] = rows[row] || []).push({ node, x, w });
		let at = x;
		const list = childrenOf(tree, node);

		for (let i = 0; i < list.length; i++) {
			const width = w * tree.width[list[i]] / tree.width[node];

			if (width < LEAST_WIDTH) {
				let rest = 0, count = 0;

				for (; i < list.length; i++, count++)
					rest += tree.width[list[i]];
				(rows[row + 1] = rows[row + 1] || []).push({ node: -1, x: at, w: w * rest / tree.width[node], count, under: node });
				break;
			}
			place(list[i], at, width, row + 1);
			at += width;
		}
	}
	if (W > 0 && tree.width[0] > 0) {
		const path = pathTo(tree, zoom);

		path.pop();
		path.forEach((node, row) => { rows[row] = [{ node, x: 0, w: W }]; });
		place(zoom, 0, W, path.length);
	}
	g.width = W;
	g.boxes = rows;
	g.rows = rows.length;
	g.holder.style.height = g.rows * ROW + 'px';
}

function rowTop(g, row) {
	return (g.view.flame ? g.rows - 1 - row : row) * ROW;
}

// fillOf - the color of a node. Grown and shrunk by how much of it is new, or gone.
function fillOf(g, node) {
	const { tree, compare } = g.view, item = tree.items[tree.item[node]];

	if (tree.isFound && tree.isFound[node])
		return color('match');
	if (compare && tree.was[node] + tree.now[node] > 0) {
		const change = (tree.now[node] - tree.was[node]) / (tree.now[node] + tree.was[node]);

		return mixed(color('same'), color(change < 0 ? 'shrunk' : 'grown'), Math.sqrt(Math.abs(change)));
	}
	return color(compare ? 'same' : item.kind);
}

function hatch(ctx, x, y, w, h) {
	ctx.save();
	ctx.beginPath();
	ctx.rect(x, y, w, h);
	ctx.clip();
	ctx.strokeStyle = css(color('hatch'));
	ctx.lineWidth = 1;
	ctx.beginPath();
	for (let at = x - h + 3; at < x + w; at += 7) {
		ctx.moveTo(at, y + h);
		ctx.lineTo(at + h, y);
	}
	ctx.stroke();
	ctx.restore();
}

function textWidth(g, ctx, text) {
	const key = ctx.font[0] + text;
	let width = g.textWidths.get(key);

	if (width === undefined) {
		width = ctx.measureText(text).width;
		g.textWidths.set(key, width);
	}
	return width;
}

// fitting - the label, shortened to w pixels; a name without its namespace before a part of it.
function fitting(g, ctx, label, w) {
	const short = label.replace(/^[^ :]*\\(?=[^\\ ])/, '');
	let least = 0, most;

	for (const text of [label, short])
		if (textWidth(g, ctx, text) <= w)
			return text;
	most = short.length;
	while (least < most) {
		const half = (least + most + 1) >> 1;

		if (ctx.measureText(short.slice(0, half) + '…').width <= w)
			least = half;
		else
			most = half - 1;
	}
	return least > 1 ? short.slice(0, least) + '…' : '';
}

// changeSign - told without color, too.
function changeSign(tree, node) {
	return tree.now[node] > tree.was[node] ? '▲ ' : tree.now[node] < tree.was[node] ? '▼ ' : '';
}

function drawText(g, ctx, box, y, item) {
	const { tree, compare, show } = g.view, room = box.w - 8;
	const value = compare ? gainText(tree.now[box.node] - tree.was[box.node], show) : show(tree.now[box.node]);
	const label = (compare ? changeSign(tree, box.node) : '') + item.label;

	ctx.fillStyle = css(color('ink'));
	ctx.font = KIND_FONTS.native;
	const valueRoom = textWidth(g, ctx, value) + 16;

	ctx.font = KIND_FONTS[item.kind];
	if (textWidth(g, ctx, label) + valueRoom <= room) {
		ctx.fillText(label, box.x + 4, y + ROW / 2);
		ctx.font = KIND_FONTS.native;
		ctx.fillText(value, box.x + box.w - valueRoom + 10, y + ROW / 2);
	} else {
		ctx.fillText(fitting(g, ctx, label, room), box.x + 4, y + ROW / 2);
	}
}

function drawBox(g, ctx, box, y) {
	const { tree, zoom, leaks } = g.view, h = ROW - 1, w = Math.max(box.w - 1, 0.6);

	if (box.node < 0) {
		ctx.fillStyle = css(color('line'));
		ctx.fillRect(box.x, y, w, h);
		return;
	}
	const item = tree.items[tree.item[box.node]], fill = fillOf(g, box.node), isDim = tree.depth[box.node] < tree.depth[zoom];

	ctx.fillStyle = css(isDim ? mixed(fill, color('page'), 0.45) : fill);
	ctx.fillRect(box.x, y, w, h);
	if (item.kind === OTHER && !(tree.isFound && tree.isFound[box.node]))
		hatch(ctx, box.x, y, w, h);
	if (tree.isFound && tree.isFound[box.node] && w > 4) {
		ctx.strokeStyle = css(color('ink'));
		ctx.lineWidth = 1;
		ctx.strokeRect(box.x + 0.5, y + 0.5, w - 1, h - 1);
	}
	if (leaks && tree.leak[box.node] > 0) {
		const part = w * Math.min(1, tree.leak[box.node] / tree.width[box.node]);

		/* Against the page's colour it is seen on any box. */
		ctx.fillStyle = css(color('page'));
		ctx.fillRect(box.x, y + h - 3, part, 1);
		ctx.fillStyle = css(color('leak'));
		ctx.fillRect(box.x, y + h - 2, part, 2);
	}
	if (box.w >= TEXT_FROM)
		drawText(g, ctx, box, y, item);
}

function ring(ctx, box, y, width) {
	const left = Math.max(0, Math.min(box.x, width - 4)), w = Math.max(3, box.w - 1);

	ctx.lineWidth = 4;
	ctx.strokeStyle = css(color('page'));
	ctx.strokeRect(left + 1, y + 1, Math.max(1, w - 2), ROW - 3);
	ctx.lineWidth = 2;
	ctx.strokeStyle = css(color('focus'));
	ctx.strokeRect(left + 1, y + 1, Math.max(1, w - 2), ROW - 3);
}

// boxOf - of a node; of one that is too narrow to be drawn, where it would be.
function boxOf(g, node) {
	const { tree, zoom } = g.view, depth = tree.depth[node];
	const box = (g.boxes[depth] || []).find((b) => b.node === node);

	if (box || node < zoom || node > tree.last[zoom])
		return box;
	const gap = (g.boxes[depth] || []).find((b) => b.node < 0 && node > b.under && node <= tree.last[b.under]);

	return gap && { node, x: gap.x, w: Math.min(gap.w, 3) };
}

// draw - the part that is in sight; all of it for a printer, and if it is small.
function draw(g, forPrinter) {
	const ratio = window.devicePixelRatio || 1, top = g.holder.getBoundingClientRect().top, height = g.rows * ROW;
	const all = forPrinter || height <= WHOLE;
	const from = all ? 0 : Math.min(height, Math.max(0, Math.floor(-top) - 100));
	const to = Math.min(height, from + Math.floor(MOST_CANVAS / ratio), all ? height : Math.max(0, window.innerHeight - top + 100));
	const ctx = g.canvas.getContext('2d');

	g.canvas.style.top = from + 'px';
	g.canvas.style.width = g.width + 'px';
	g.canvas.style.height = Math.max(0, to - from) + 'px';
	g.canvas.width = Math.round(g.width * ratio);
	g.canvas.height = Math.max(0, Math.round((to - from) * ratio));
	if (to <= from)
		return;
	ctx.scale(ratio, ratio);
	ctx.translate(0, -from);
	ctx.textBaseline = 'middle';
	g.boxes.forEach((row, r) => {
		const y = rowTop(g, r);

		if (y + ROW < from || y > to)
			return;
		for (const box of row)
			drawBox(g, ctx, box, y);
		const hover = g.hover >= 0 && row.find((box) => box.node === g.hover);

		if (hover) {
			ctx.lineWidth = 1;
			ctx.strokeStyle = css(color('ink'));
			ctx.strokeRect(hover.x + 0.5, y + 0.5, Math.max(1, hover.w - 2), ROW - 2);
		}
	});
	if (document.activeElement === g.holder) {
		const box = boxOf(g, g.view.focus);

		if (box)
			ring(ctx, box, rowTop(g, g.view.tree.depth[g.view.focus]), g.width);
	}
}

// boxAt - under the pointer, or undefined.
function boxAt(g, event) {
	const place = g.holder.getBoundingClientRect(), y = Math.floor((event.clientY - place.top) / ROW);
	const row = g.boxes[g.view.flame ? g.rows - 1 - y : y] || [], x = event.clientX - place.left;
	let low = 0, high = row.length - 1;

	while (low < high) {
		const half = (low + high + 1) >> 1;

		if (row[half].x <= x)
			low = half;
		else
			high = half - 1;
	}
	return row[low] && x >= row[low].x && x < row[low].x + Math.max(row[low].w, 1) ? row[low] : undefined;
}

// tellItem - to screen readers: the frame in focus is the one item of the tree that there is.
function tellItem(g, text) {
	const { tree, focus } = g.view, list = focus ? childrenOf(tree, tree.parent[focus]) : [0];
	const item = element('div', { id: 'item' + ++g.items % 2, className: 'item', textContent: text });

	item.setAttribute('role', 'treeitem');
	item.setAttribute('aria-level', tree.depth[focus] + 1);
	item.setAttribute('aria-posinset', list.indexOf(focus) + 1);
	item.setAttribute('aria-setsize', list.length);
	item.setAttribute('aria-selected', 'true');
	if (childrenOf(tree, focus).length)
		item.setAttribute('aria-expanded', 'true');
	byId('item').replaceChildren(item);
	g.holder.setAttribute('aria-activedescendant', item.id);
}

// neighbour - the node where an arrow leads, or the same.
function neighbour(g, key) {
	const { tree, focus, flame } = g.view;
	const outwards = flame ? 'ArrowDown' : 'ArrowUp', inwards = flame ? 'ArrowUp' : 'ArrowDown';

	if (key === outwards)
		return focus ? tree.parent[focus] : focus;
	if (key === inwards)
		return childrenOf(tree, focus)[0] ?? focus;
	/* Left and right: past the end of the row's siblings go on with those of the nearest ancestor that has some. */
	const step = key === 'ArrowRight' ? 1 : -1;

	for (let up = focus, levels = 0; up > 0; up = tree.parent[up], levels++) {
		const list = childrenOf(tree, tree.parent[up]);
		let next = list[list.indexOf(up) + step];

		if (next === undefined)
			continue;
		for (; levels > 0; levels--) {
			const inside = childrenOf(tree, next);

			if (!inside.length)
				break;
			next = inside[step > 0 ? 0 : inside.length - 1];
		}
		return next;
	}
	return focus;
}

// listen - to pointer and keys. Tells on.focus(node), on.zoom(node), on.tip(box or undefined, event), on.search(step).
function listen(g) {
	const keys = {
		Enter: () => g.on.zoom(g.view.focus),
		' ': () => g.on.zoom(g.view.focus),
		Backspace: () => g.on.zoom(Math.max(0, g.view.tree.parent[g.view.zoom])),
		Escape: () => g.on.zoom(0),
		Home: () => g.on.focus(0),
		n: () => g.on.search(1),
		N: () => g.on.search(-1),
		'/': () => byId('query').focus(),
	};

	g.holder.addEventListener('keydown', (event) => {
		if (event.ctrlKey || event.altKey || event.metaKey)
			return;
		const act = event.key.startsWith('Arrow') ? () => g.on.focus(neighbour(g, event.key)) : keys[event.key];

		if (act) {
			event.preventDefault();
			act();
		}
	});
	g.holder.addEventListener('click', (event) => {
		const box = boxAt(g, event), node = box && (box.node < 0 ? box.under : box.node);

		if (box) {
			g.view.focus = node;
			g.on.zoom(node);
		}
	});
	g.holder.addEventListener('pointermove', (event) => {
		const box = boxAt(g, event), node = box ? box.node : -1;

		g.on.tip(box, event);
		if (node !== g.hover) {
			g.hover = node;
			draw(g);
		}
	});
	g.holder.addEventListener('pointerleave', () => {
		g.hover = -1;
		g.on.tip(undefined);
		draw(g);
	});
	g.holder.addEventListener('focus', () => g.on.focus(g.view.focus));
	g.holder.addEventListener('blur', () => draw(g));
}
