// curve.js - what a process holds over time: a line each for zend, libc, mmap, rss and others that are not zero throughout.

const CURVE_HEIGHT = 150, EDGE = { left: 74, right: 14, top: 10, bottom: 24 };
const DASHES = ['', '7 3', '2 3', '10 3 2 3', '4 4'];
const CURVE_WORDS = {
	zend: 'zend: PHP\'s heap', libc: 'libc: malloc', mmap: 'mmap', rss: 'rss: resident', zend_real: 'zend_real: taken by PHP\'s heap',
	zend_cached: 'zend_cached: kept free by it', files: 'files: mapped and resident', heap_map: 'heap_map: the [heap] mapping', stacks: 'stacks: of threads',
};
const VERDICT_WORDS = { growing: 'growing', warming_up: 'warming up', plateau: 'at rest', not_enough_data: 'too early to tell' };

// steps - round numbers from 0 to most; about n of them. sizes: how far apart they may be.
function steps(most, n, sizes) {
	const size = sizes.find((one) => most / one <= n) || sizes[sizes.length - 1], list = [];

	for (let at = 0; at <= most && list.length < 4 * n; at += size)
		list.push(at);
	return list;
}

const BYTE_STEPS = Array.from({ length: 60 }, (_, i) => 2 ** i);
const TIME_STEPS = [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 21600, 43200, 86400, 172800, 432000, 864000, 2592000,
	7776000, 31536000].map((s) => s * 1000);

// curvesOf - those worth a line: [{name, verdict, rate, time[], value[]}].
function curvesOf(p) {
	return p.curves.map((c) => ({
		name: visible(c.name),
		verdict: c.verdict,
		rate: c.rate,
		time: c.points.filter((_, i) => i % 2 === 0),
		value: c.points.filter((_, i) => i % 2 === 1),
	})).filter((c) => c.value.some((v) => v !== 0));
}

function lookOf(i) {
	/* More than five have the same colours again, with other dashes. */
	return { stroke: css(color('curve-' + i % 5)), 'stroke-dasharray': DASHES[(i + 2 * Math.floor(i / 5)) % 5] };
}

// nearest - the place of the point that is nearest in time.
function nearest(times, at) {
	let best = 0;

	times.forEach((t, i) => {
		if (Math.abs(t - at) < Math.abs(times[best] - at))
			best = i;
	});
	return best;
}

function drawAxes(box, scale, times, bytes) {
	for (const at of bytes)
		box.append(svg('line', { class: 'grid', x1: EDGE.left, x2: scale.right, y1: scale.y(at), y2: scale.y(at) }),
			svg('text', { x: EDGE.left - 8, y: scale.y(at) + 4, 'text-anchor': 'end' }, bytesText(at)));
	for (const at of times)
		if (at <= scale.last)
			box.append(svg('line', { class: 'grid', x1: scale.x(at), x2: scale.x(at), y1: EDGE.top, y2: scale.bottom + 4 }),
				svg('text', { x: scale.x(at), y: scale.bottom + 17, 'text-anchor': at > scale.last * 0.97 ? 'end' : 'middle' },
					at ? spanText(at) : 'start'));
}

// drawCurves - of process p, and the list of them with their values at time at (ms; undefined: the last).
function drawCurves(p, at) {
	const chart = byId('chart'), width = chart.clientWidth, curves = curvesOf(p);
	const last = Math.max(1, ...curves.map((c) => c.time[c.time.length - 1])), most = Math.max(1, ...curves.map((c) => Math.max(...c.value)));
	const bytes = steps(most, 5, BYTE_STEPS), top = most * 1.04;
	const scale = {
		last,
		right: width - EDGE.right,
		bottom: CURVE_HEIGHT - EDGE.bottom,
		x: (ms) => EDGE.left + ms / last * (width - EDGE.left - EDGE.right),
		y: (v) => EDGE.top + (1 - v / top) * (CURVE_HEIGHT - EDGE.top - EDGE.bottom),
	};
	const box = svg('svg', { viewBox: `0 0 ${width} ${CURVE_HEIGHT}`, 'aria-hidden': 'true' });

	drawAxes(box, scale, steps(last, Math.max(2, Math.floor(width / 110)), TIME_STEPS), bytes);
	curves.forEach((c, i) => box.append(svg('polyline', { class: 'curve', ...lookOf(i),
		points: c.time.map((t, k) => `${scale.x(t).toFixed(1)},${scale.y(c.value[k]).toFixed(1)}`).join(' ') })));
	if (at !== undefined) {
		box.append(svg('line', { class: 'cursor', x1: scale.x(at), x2: scale.x(at), y1: EDGE.top, y2: scale.bottom }));
		curves.forEach((c, i) => {
			const k = nearest(c.time, at);

			box.append(svg('circle', { cx: scale.x(c.time[k]), cy: scale.y(c.value[k]), r: 4, fill: lookOf(i).stroke }));
		});
	}
	chart.replaceChildren(box);
	listCurves(curves, at);
	tellMoment(p, curves, last, at);
	/* The moments that can be chosen are those of the curve with most points. */
	return { times: curves.reduce((a, c) => (c.time.length > a.length ? c.time : a), []), scale };
}

// tellMoment - to screen readers: the chart is a slider through time.
function tellMoment(p, curves, last, at) {
	const chart = byId('chart'), now = at === undefined ? last : at;
	const all = curves.map((c) => `${c.name} from ${bytesText(c.value[0])} to ${bytesText(c.value[c.value.length - 1])}`);
	const then = curves.map((c) => `${c.name} ${bytesText(c.value[nearest(c.time, now)])}`);

	chart.setAttribute('aria-label', `Memory of ${processTitle(p)} over ${spanText(last)}: ${all.join(', ')}`);
	chart.setAttribute('aria-valuemin', 0);
	chart.setAttribute('aria-valuemax', last);
	chart.setAttribute('aria-valuenow', now);
	chart.setAttribute('aria-valuetext', `after ${spanText(now)}: ${then.join(', ')}`);
}

function listCurves(curves, at) {
	const list = byId('curve_list');

	list.replaceChildren(...curves.map((c, i) => {
		const k = at === undefined ? c.value.length - 1 : nearest(c.time, at), verdict = VERDICT_WORDS[c.verdict] || visible(c.verdict);
		const rate = c.verdict === 'growing' || c.verdict === 'warming_up' ? ` ${gainText(c.rate, bytesText)}/s` : '';

		return element('li', {}, svg('svg', { viewBox: '0 0 26 10', 'aria-hidden': 'true' },
			svg('line', { x1: 0, x2: 26, y1: 5, y2: 5, 'stroke-width': 2.5, ...lookOf(i) })),
		' ' + (CURVE_WORDS[c.name] || c.name) + ' ', element('span', { className: 'at' }, bytesText(c.value[k])),
		element('span', { className: 'soft' }, at === undefined ? `, ${verdict}${rate}` : ` after ${spanText(c.time[k])}`));
	}));
}

// startCurves - of those processes that have some; the pointer and the arrow keys choose a moment.  Return: a function that draws anew.
function startCurves(processes) {
	const chosen = processes.filter((p) => curvesOf(p).some((c) => c.time.length > 1)), chart = byId('chart'), select = byId('curve_process');
	let at, drawn;

	if (!chosen.length)
		return () => undefined;
	const show = () => { drawn = drawCurves(chosen[select.value || 0], at); };
	const choose = (moment) => {
		if (moment !== at) {
			at = moment;
			show();
		}
	};

	select.replaceChildren(...chosen.map((p, i) => element('option', { value: i }, processTitle(p) + ' ' + processRole(p))));
	byId('curve_of').hidden = chosen.length < 2;
	byId('curves').hidden = false;
	select.addEventListener('change', () => {
		at = undefined;
		show();
	});
	chart.addEventListener('pointermove', (event) => {
		const { times, scale } = drawn, x = event.clientX - chart.getBoundingClientRect().left;
		const time = (x - EDGE.left) / (scale.right - EDGE.left) * scale.last;

		choose(times[nearest(times, time)]);
	});
	chart.addEventListener('pointerleave', () => choose(undefined));
	chart.addEventListener('blur', () => choose(undefined));
	chart.addEventListener('keydown', (event) => {
		const times = drawn.times, last = times.length - 1, k = at === undefined ? last : nearest(times, at);
		const to = { ArrowLeft: k - 1, ArrowDown: k - 1, ArrowRight: k + 1, ArrowUp: k + 1, PageDown: k - 10, PageUp: k + 10, Home: 0, End: last }[event.key];

		if (to === undefined || event.ctrlKey || event.altKey || event.metaKey)
			return;
		event.preventDefault();
		choose(times[Math.max(0, Math.min(last, to))]);
	});
	return show;
}
