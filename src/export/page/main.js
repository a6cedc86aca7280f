// main.js - the page comes to life: what is chosen, what follows from it. What is chosen stands behind the # of the address, so that
// it is kept when the page is read anew.

function readHash() {
	return new URLSearchParams(location.hash.slice(1));
}

function start() {
	const data = readData(), asked = readHash(), compare = !!data.before;
	const view = {
		compare,
		value: Math.max(0, VALUES.findIndex((v) => v.key === asked.get('value'))),
		side: compare && ['before', 'both'].includes(asked.get('side')) ? asked.get('side') : 'now',
		flame: asked.has('flame'),
		inverted: asked.has('inverted'),
		byName: asked.has('together'),
		query: asked.get('search') || '',
		off: new Set(),
		zoom: 0,
		focus: 0,
		at: -1, // the match that was gone to last
	};
	const graph = makeGraph(view, { focus, zoom, tip, search: goToMatch });
	let drawCurvesAnew = () => undefined, marks = null;

	// ---- what follows from what ----

	function build() {
		const offLayers = view.tree ? [...view.off].map((i) => view.tree.items[i].key).filter((key) => key.startsWith('layer ')) : [];

		view.tree = makeTree(data, { inverted: view.inverted, byName: view.byName });
		view.off = new Set(view.tree.layers.filter((i) => offLayers.includes(view.tree.items[i].key)));
		view.zoom = view.focus = 0;
		marks = null;
		offerProcesses();
	}

	function change() {
		const v = VALUES[view.value];

		view.show = v.show;
		view.isEstimate = (v.ofLiving && data.now.basis !== 'counted') || data.now.basis === 'windows';
		weigh(view.tree, data.stacks, view);
		view.leaks = v.key !== 'leak_rate' && view.tree.leak[0] > 0;
		while (view.zoom && !(view.tree.width[view.zoom] > 0))
			view.zoom = view.tree.parent[view.zoom];
		if (!(view.tree.width[view.focus] > 0) || view.focus < view.zoom)
			view.focus = view.zoom;
		tellNothing();
		tellLegend(view);
		tellStacks(data, view, find);
		letScroll();
		seek();
	}

	function seek() {
		const found = search(view.tree, view.query), whole = view.tree.width[0];

		view.at = -1;
		byId('found').textContent = !found ? '' : !found.nodes ? 'no match' :
			`${countText(found.nodes)} match${found.nodes === 1 ? '' : 'es'}, ${view.show(found.width)}, ${shareText(found.width, whole)} of all`;
		byId('next').disabled = byId('previous').disabled = !found || !found.nodes;
		arrange();
	}

	function arrange() {
		layOut(graph);
		draw(graph);
		/* A button that can no longer be pressed would take the focus with it. */
		if (!view.zoom && ['out', 'reset'].includes(document.activeElement.id))
			graph.holder.focus();
		byId('out').disabled = byId('reset').disabled = !view.zoom;
		tellDetail();
		remember();
	}

	// ---- what can be done ----

	function focus(node) {
		const { tree } = view;

		view.focus = node;
		/* What is outside of what is shown is shown with more around it. */
		if (node > tree.last[view.zoom] || (node < view.zoom && tree.last[node] < view.zoom)) {
			while (node > tree.last[view.zoom] || node < view.zoom)
				view.zoom = tree.parent[view.zoom];
			arrange();
		}
		keepInSight(node);
		draw(graph);
		tellDetail();
	}

	function zoom(node) {
		view.zoom = node;
		if (view.focus < node || view.focus > view.tree.last[node])
			view.focus = node;
		arrange();
	}

	function find(node) {
		view.focus = node;
		zoom(node);
		graph.holder.focus();
		byId('graph_title').scrollIntoView();
		keepInSight(node);
	}

	function goToMatch(step) {
		const list = view.tree.found || [];

		if (!list.length)
			return;
		view.at = view.at < 0 ? (step > 0 ? 0 : list.length - 1) : (view.at + step + list.length) % list.length;
		const node = list[view.at], box = boxOf(graph, node);

		view.focus = node;
		if (!box || box.w < 3)
			zoom(node);
		keepInSight(node);
		draw(graph);
		tellDetail();
	}

	function keepInSight(node) {
		const top = graph.holder.getBoundingClientRect().top + rowTop(graph, view.tree.depth[node]);

		/* The words about a frame stand over the lower end of the window. */
		if (document.activeElement === graph.holder && (top < 0 || top + ROW > window.innerHeight - byId('detail').offsetHeight))
			window.scrollBy(0, top - window.innerHeight / 2);
	}

	function tip(box, event) {
		const e = byId('tip');

		e.hidden = !box;
		if (!box)
			return;
		e.textContent = box.node < 0 ? `${countText(box.count)} frame${box.count === 1 ? '' : 's'} too narrow to be shown: click to zoom in`
			: detailLines(data, view, box.node).join('\n');
		const x = Math.min(event.clientX + 14, window.innerWidth - e.offsetWidth - 8);
		const below = event.clientY + 18, y = below + e.offsetHeight > window.innerHeight ? event.clientY - e.offsetHeight - 10 : below;

		e.style.left = Math.max(4, x) + 'px';
		e.style.top = Math.max(4, y) + 'px';
	}

	// ---- what is told ----

	function tellDetail() {
		const lines = detailLines(data, view, view.focus), text = lines.join('\n'), e = byId('detail');

		/* While the graph has the focus its item is read, which says the same. */
		e.setAttribute('aria-live', document.activeElement === graph.holder ? 'off' : 'polite');
		if (e.textContent !== text)
			e.textContent = text;
		tellItem(graph, lines.join('. '));
	}

	function tellNothing() {
		const isEmpty = !(view.tree.width[0] > 0), e = byId('nothing');

		e.hidden = !isEmpty;
		graph.holder.hidden = byId('detail').hidden = isEmpty;
		e.textContent = VALUES[view.value].key !== 'leak_rate' ? 'There is nothing of this.' :
			(data.now.damage ? 'None of the stacks that could be read' : 'No stack') + ' is thought to leak.';
	}

	function offerProcesses() {
		const list = [...view.tree.processes];

		byId('processes_off').hidden = list.length < 2;
		byId('process_list').replaceChildren(...list.map(([label, item]) => {
			const box = element('input', { type: 'checkbox', checked: true });

			box.addEventListener('change', () => {
				view.off[box.checked ? 'delete' : 'add'](item);
				countProcesses();
				change();
			});
			return element('label', {}, box, ' ' + label);
		}));
		countProcesses();
	}

	function countProcesses() {
		const n = view.tree.processes.size, off = [...view.tree.processes.values()].filter((i) => view.off.has(i)).length;

		byId('processes_chosen').textContent = off ? `Processes: ${n - off} of ${n}` : `Processes: all ${n}`;
	}

	function remember() {
		const now = new URLSearchParams();

		if (view.value)
			now.set('value', VALUES[view.value].key);
		if (view.side !== 'now')
			now.set('side', view.side);
		for (const [name, key] of [['flame', 'flame'], ['inverted', 'inverted'], ['together', 'byName']])
			if (view[key])
				now.set(name, '1');
		if (view.query)
			now.set('search', view.query);
		if (byId('theme').value !== 'auto')
			now.set('theme', byId('theme').value);
		if (view.zoom) {
			marks = marks || nodeMarks(view.tree);
			now.set('zoom', marks[view.zoom]);
		}
		try {
			history.replaceState(null, '', '#' + now);
		} catch (e) {
			/* An address that may not be changed: nothing is remembered then. */
		}
	}

	// ---- controls ----

	function offerRadios(holder, name, list, chosen, act) {
		byId(holder).append(...list.map(([text, value]) => {
			const input = element('input', { type: 'radio', name, value, checked: value === chosen });

			input.addEventListener('change', () => act(value));
			return element('label', {}, input, ' ' + text);
		}));
	}

	function offer() {
		offerRadios('values', 'value', VALUES.map((v, i) => [v.name, i]), view.value, (value) => {
			view.value = value;
			change();
		});
		byId('sides').hidden = !compare;
		offerRadios('sides', 'side', [['now', 'now'], ['before', 'before'], ['both together', 'both']], view.side, (side) => {
			view.side = side;
			change();
		});
		byId('layers').append(...LAYERS.map((name, i) => {
			const input = element('input', { type: 'checkbox', checked: true });

			input.addEventListener('change', () => {
				view.off[input.checked ? 'delete' : 'add'](view.tree.layers[i]);
				change();
			});
			return element('label', {}, input, ' ' + name);
		}));
		const names = data.now.processes.map((p) => p.comm);

		byId('by_name_label').hidden = compare || new Set(names).size === names.length;
	}

	function listenToControls() {
		byId('controls').addEventListener('submit', (event) => event.preventDefault());
		byId('flame').checked = view.flame;
		byId('inverted').checked = view.inverted;
		byId('by_name').checked = view.byName;
		byId('query').value = view.query;
		for (const id of ['flame', 'icicle'])
			byId(id).addEventListener('change', () => {
				view.flame = byId('flame').checked;
				arrange();
			});
		for (const [id, key] of [['inverted', 'inverted'], ['by_name', 'byName']])
			byId(id).addEventListener('change', () => {
				view[key] = byId(id).checked;
				build();
				change();
			});
		byId('query').addEventListener('input', () => {
			view.query = byId('query').value;
			seek();
		});
		byId('query').addEventListener('keydown', (event) => {
			if (event.key === 'Enter')
				goToMatch(event.shiftKey ? -1 : 1);
		});
		byId('next').addEventListener('click', () => goToMatch(1));
		byId('previous').addEventListener('click', () => goToMatch(-1));
		byId('out').addEventListener('click', () => zoom(Math.max(0, view.tree.parent[view.zoom])));
		byId('reset').addEventListener('click', () => zoom(0));
	}

	function setTheme(name) {
		const isDark = name === 'dark' || (name !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches);

		document.documentElement.dataset.theme = isDark ? 'dark' : 'light';
		colorsRead = new Map();
	}

	// letScroll - by keys, too, what is wider than the window.
	function letScroll() {
		for (const e of document.querySelectorAll('.wide')) {
			const scrolls = e.scrollWidth > e.clientWidth;

			for (const [name, value] of [['tabindex', 0], ['role', 'group'], ['aria-label', 'A table, to be scrolled sideways']])
				e[scrolls ? 'setAttribute' : 'removeAttribute'](name, value);
		}
	}

	function redraw() {
		letScroll();
		layOut(graph);
		draw(graph);
		tellLegend(view);
		drawCurvesAnew();
	}

	function listenToWindow() {
		const theme = byId('theme'), retheme = () => {
			setTheme(theme.value);
			redraw();
		};
		let asksForFrame = false;
		const soon = (act) => () => {
			if (!asksForFrame)
				requestAnimationFrame(() => {
					asksForFrame = false;
					act();
				});
			asksForFrame = true;
		};

		theme.addEventListener('change', () => {
			retheme();
			remember();
		});
		matchMedia('(prefers-color-scheme: dark)').addEventListener('change', retheme);
		window.addEventListener('scroll', soon(() => draw(graph)), { passive: true });
		/* At once: in the next frame, this one would be shown with the graph cut off. The footer is as wide, and no higher for it. */
		new ResizeObserver(() => {
			if (graph.width !== graph.holder.clientWidth)
				redraw();
		}).observe(byId('footer'));
		window.addEventListener('beforeprint', () => {
			setTheme('light');
			redraw();
			draw(graph, true);
		});
		window.addEventListener('afterprint', retheme);
	}

	// ---- from here on in order ----

	byId('theme').value = ['light', 'dark'].includes(asked.get('theme')) ? asked.get('theme') : 'auto';
	setTheme(byId('theme').value);
	byId('main').hidden = false;
	byId('broken').hidden = true;
	document.title = byId('title').textContent = titleOf(data);
	tellDamage(data);
	tellVerdict(data);
	tellFacts(data);
	tellNotes(data);
	tellProcesses(data);
	tellEvents(data);
	byId('footer').textContent = `swtrace ${visible(data.now.version)}, tracing began ${timeText(data.now.start)}`;
	drawCurvesAnew = startCurves(data.now.processes);
	drawCurvesAnew();
	offer();
	listenToControls();
	build();
	if (asked.has('zoom')) {
		marks = nodeMarks(view.tree);
		view.zoom = view.focus = Math.max(0, marks.indexOf(Number(asked.get('zoom'))));
	}
	change();
	listen(graph);
	listenToWindow();
	document.documentElement.dataset.ready = String(Math.round(performance.now()));
}

try {
	start();
} catch (e) {
	byId('main').hidden = true;
	byId('broken').hidden = false;
	byId('broken').textContent = 'This page cannot be shown: ' + e.message + '. Was the file cut? Write it again.';
}
