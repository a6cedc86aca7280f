// tree.js - stacks as a tree: all, processes, layers, frames from the outermost in; and how wide its nodes are.
//
// Nodes are numbered as they are met going down first, so that all below node i are i+1 ... tree.last[i]. What a node is - its item:
// label, kind, place - is shared by all nodes of the same function.

const KEY_SEPARATOR = '\n';

// makeItems - one for each function that frames are in, and which it is for each frame. Lines tell PHP's frames apart: it is the
// line that allocates; unless two profiles are compared, for lines move.
function makeItems(data, items) {
	const known = new Map();

	return data.frames.map((frame) => {
		const [kind, name, file, module, line, , address] = frame;
		const isPhp = KINDS[kind] === PHP;
		const key = [kind, name, module, isPhp ? file : '', isPhp && !data.before ? line : '', kind === 1 ? address : ''].join(KEY_SEPARATOR);

		if (!known.has(key)) {
			const label = frameLabel(data, frame), place = framePlace(data, frame, !isPhp || !data.before);

			known.set(key, items.length);
			items.push({
				kind: KINDS[kind] || OTHER,
				label: isPhp && place ? label + ' ' + baseName(place) : label,
				name: label,
				place: isPhp ? place : visible(data.strings[frame[2]]),
				module: visible(data.strings[module]),
				key,
			});
		}
		return known.get(key);
	});
}

// makeTree - opts.inverted: the allocator's callers first. opts.byName: processes of one name are one; so are they if two profiles
// are compared, where a process may have another pid.
function makeTree(data, opts) {
	const items = [{ kind: GROUP, label: 'all', name: 'all', key: 'all' }];
	const itemOfFrame = makeItems(data, items);
	const layers = LAYERS.map((name) => items.push({ kind: GROUP, label: name, name, key: 'layer ' + name }) - 1);
	const cut = items.push({ kind: OTHER, label: '[incomplete]', name: '[incomplete]', key: 'incomplete',
		place: 'the callers are not known' }) - 1;
	const processes = new Map();
	const tree = { items, opts, parent: [-1], item: [0], depth: [0], stackAt: [-1], processes };

	function processItem(p) {
		const label = opts.byName || data.before ? visible(p.comm) : processTitle(p);

		if (!processes.has(label))
			processes.set(label, items.push({ kind: GROUP, label, name: label, key: 'process ' + label, process: p }) - 1);
		return processes.get(label);
	}

	const ways = data.stacks.map((s) => {
		const way = [processItem(s.process), layers[s.layer]];
		/* What is inlined comes and goes with debug information: in a comparison it makes no difference. */
		const own = data.before ? s.frames.filter((f) => !(data.frames[f][5] & 1)) : s.frames, frames = own.map((f) => itemOfFrame[f]);

		if (!opts.inverted)
			frames.reverse();
		if (!s.whole)
			frames.splice(opts.inverted ? frames.length : 0, 0, cut);
		return way.concat(frames);
	});
	addWays(tree, ways);
	const n = tree.n = tree.parent.length, parent = tree.parent = new Int32Array(tree.parent), last = tree.last = new Int32Array(n);

	tree.item = new Int32Array(tree.item);
	tree.depth = new Int32Array(tree.depth);
	tree.stackAt = new Int32Array(tree.stackAt);
	for (let i = n - 1; i > 0; i--) {
		if (last[i] < i)
			last[i] = i;
		if (last[parent[i]] < last[i])
			last[parent[i]] = last[i];
	}
	tree.layers = layers;
	tree.ways = ways;
	return tree;
}

function compareWays(a, b) {
	const n = Math.min(a.length, b.length);

	for (let i = 0; i < n; i++)
		if (a[i] !== b[i])
			return a[i] - b[i];
	return a.length - b.length;
}

// addWays - sorted, ways share their beginning with the one before.
function addWays(tree, ways) {
	const order = ways.map((_, i) => i).sort((a, b) => compareWays(ways[a], ways[b]));
	const path = [0];
	let before = [];

	tree.end = new Int32Array(ways.length);
	for (const s of order) {
		const way = ways[s];
		let same = 0;

		while (same < before.length && same < way.length && way[same] === before[same])
			same++;
		path.length = same + 1;
		for (let i = same; i < way.length; i++) {
			tree.parent.push(path[i]);
			tree.item.push(way[i]);
			tree.depth.push(i + 1);
			tree.stackAt.push(-1);
			path.push(tree.parent.length - 1);
		}
		tree.end[s] = path[path.length - 1];
		before = way;
	}
}

// tellsMore - of two stacks with the same functions: the one of now, and the one that leaks, stands for both.
function tellsMore(a, b) {
	return a.side !== b.side ? !a.side : a.verdict === LEAK && b.verdict !== LEAK;
}

// weigh - how much each node has of a value, now and before; what is chosen by view.off (items) alone. Into tree.now, tree.was,
// tree.width; tree.leak is the part of now in stacks that leak. tree.ownNow and tree.ownWas: of stacks that end there.
function weigh(tree, stacks, view) {
	const n = tree.n, make = () => new Float64Array(n), parent = tree.parent;
	const now = tree.now = make(), was = tree.was = make(), leak = tree.leak = make(), width = tree.width = make();

	tree.sorted = new Map();
	tree.stackAt.fill(-1);
	stacks.forEach((s, i) => {
		const [process, layer] = tree.ways[i], value = s.values[view.value], end = tree.end[i];

		if (view.off.has(process) || view.off.has(layer))
			return;
		(s.side ? was : now)[end] += value;
		if (!s.side && s.verdict === LEAK)
			leak[end] += value;
		if (tree.stackAt[end] < 0 || tellsMore(s, stacks[tree.stackAt[end]]))
			tree.stackAt[end] = i;
	});
	tree.ownNow = now.slice();
	tree.ownWas = was.slice();
	for (let i = n - 1; i > 0; i--) {
		const p = parent[i];

		now[p] += now[i];
		was[p] += was[i];
		leak[p] += leak[i];
	}
	const ofNow = view.side === 'before' ? 0 : 1, ofBefore = view.side === 'now' ? 0 : 1;

	for (let i = 0; i < n; i++)
		width[i] = ofNow * now[i] + ofBefore * was[i];
}

// childrenOf - that have a width, the widest first.
function childrenOf(tree, i) {
	let list = tree.sorted.get(i);

	if (list)
		return list;
	list = [];
	for (let c = i + 1; c <= tree.last[i]; c = tree.last[c] + 1)
		if (tree.width[c] > 0)
			list.push(c);
	list.sort((a, b) => tree.width[b] - tree.width[a] || a - b);
	tree.sorted.set(i, list);
	return list;
}

// pathTo - the nodes from the root to i.
function pathTo(tree, i) {
	const path = [];

	for (; i >= 0; i = tree.parent[i])
		path.unshift(i);
	return path;
}

// nodeMarks - a number for each node that it has in another page, too, if the same functions are there.
function nodeMarks(tree) {
	const ofItem = tree.items.map((item) => {
		let h = 0x811c9dc5;

		for (let i = 0; i < item.key.length; i++)
			h = Math.imul(h ^ item.key.charCodeAt(i), 0x01000193);
		return h;
	});
	const marks = new Int32Array(tree.n);

	for (let i = 1; i < tree.n; i++)
		marks[i] = Math.imul(marks[tree.parent[i]] ^ ofItem[tree.item[i]], 0x01000193) + 1;
	return marks;
}

// search - which items match, as a function of an item; null: nothing is searched for. /x/ is a regular expression.
function matcher(query) {
	const parts = query.match(/^\/(.+)\/$/);
	let wanted = query.toLowerCase();

	if (!query)
		return null;
	if (parts) {
		try {
			wanted = new RegExp(parts[1], 'i');
		} catch (e) {
			return () => false;
		}
		return (item) => wanted.test(item.name) || wanted.test(item.place || '') || wanted.test(item.module || '');
	}
	return (item) => [item.name, item.place || '', item.module || ''].some((text) => text.toLowerCase().includes(wanted));
}

// search - tree.found: nodes that match, in their order; null: nothing is searched for.  Return: {nodes, width} of all matches, what is
// in a match is not counted again; or null.
function search(tree, query) {
	const matches = matcher(query);
	let width = 0, until = 0;

	tree.found = null;
	tree.isFound = null;
	if (!matches)
		return null;
	const hit = tree.items.map((item) => matches(item));

	tree.found = [];
	tree.isFound = new Uint8Array(tree.n);
	for (let i = 1; i < tree.n; i++) {
		if (!hit[tree.item[i]] || !(tree.width[i] > 0))
			continue;
		tree.found.push(i);
		tree.isFound[i] = 1;
		if (i > until) {
			width += tree.width[i];
			until = tree.last[i];
		}
	}
	return { nodes: tree.found.length, width };
}
