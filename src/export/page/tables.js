// tables.js - all that is told in words and figures: verdict, processes, losses, events, the stacks as a table.

const FEW_PROCESSES = 6, FEW_STACKS = 15, MORE_STACKS = 50, NO_BREAK = '\u00a0';

function livingText(data, text) {
	return data.now.basis === 'counted' ? text : 'about ' + text;
}

// living - stacks of now of which something lives; there are others, of what was allocated and freed.
function living(data) {
	return data.stacks.filter((s) => !s.side && (s.values[0] || s.values[1]));
}

function sum(list, of) {
	return list.reduce((all, one) => all + of(one), 0);
}

function titleOf(data) {
	const p = data.now.processes, names = new Set(p.map((one) => visible(one.comm))), damage = data.now.damage;
	const who = p.length === 1 ? processTitle(p[0]) : names.size === 1 ? `${p.length} processes ${[...names][0]}` :
		damage && !p.length ? 'processes that are not known' : `${p.length} processes`;

	return (data.before ? 'What has changed: ' : 'Memory of ') + who + ' on ' + visible(data.now.host) + (damage ? ', from a damaged file' : '');
}

// tellDamage - of the file that this was read from.
function tellDamage(data) {
	const n = data.now.stacks.length, e = byId('damage');

	e.hidden = !data.now.damage;
	e.textContent = `The file of this recording was damaged: ${data.now.damage}. ${countText(n)} stack${n === 1 ? '' : 's'} could be read; ` +
		'what else was in it is not known, and not in any sum of stacks.';
}

function tellVerdict(data) {
	const stacks = living(data), leaks = stacks.filter((s) => s.verdict === LEAK);
	const unknown = stacks.filter((s) => s.verdict === 0), rate = sum(leaks, (s) => s.values[2]), e = byId('verdict');

	if (leaks.length) {
		e.className = 'leak';
		e.textContent = `Verdict: LEAK, ${VALUES[2].show(rate)} in ${leaks.length} stack${leaks.length === 1 ? '' : 's'}` +
			(data.now.damage ? ' that could be read' : '');
	} else if (data.now.damage) {
		e.textContent = 'Verdict: not known, since a part of the recording is missing';
	} else if (unknown.length && unknown.length === stacks.length) {
		e.textContent = 'Verdict: too early to tell whether there is a leak';
	} else if (data.now.basis === 'windows') {
		e.textContent = 'Verdict: no stack was seen to go on growing in these windows of tracing';
	} else {
		e.className = 'clean';
		e.textContent = 'Verdict: no leak found' + (unknown.length ? `; ${unknown.length} of ${stacks.length} stacks are not judged yet` : '');
	}
}

function tellFacts(data) {
	const { now, before } = data, live = (side, v) => sum(data.stacks, (s) => (s.side === side ? s.values[v] : 0));
	const bytes = live(0, 0), n = living(data).length;
	const facts = [timeText(now.time), 'traced for ' + spanText(now.ms),
		`${livingText(data, bytesText(bytes))} ${now.basis === 'windows' ? 'leaked' : 'live'} in ${VALUES[1].show(live(0, 1))}, ${countText(n)} stack${n === 1 ? '' : 's'}`];

	if (before)
		facts.push(`compared with ${timeText(before.time)}${before.host === now.host ? '' : ' on ' + visible(before.host)} (traced for ${spanText(before.ms)
		}): ${bytesText(live(1, 0))} then, ${gainText(bytes - live(1, 0), bytesText)}`);
	if (!now.losses)
		facts.push('lost: not known');
	else if (!now.losses.length)
		facts.push('lost: nothing');
	byId('facts').textContent = facts.join(' · ');
}

function tellNotes(data) {
	const notes = [], stacks = data.stacks.filter((s) => !s.side), cut = stacks.filter((s) => !s.whole).length;

	if (data.now.basis === 'sampled')
		notes.push('Live bytes and blocks are estimates: the table of blocks was full, and a random part of them stands for all.');
	if (data.now.basis === 'windows')
		notes.push('All numbers are estimates, of windows of tracing (--overhead): live and allocated is what has leaked since tracing began; what does not leak is not known.');
	if (data.before && data.before.basis !== 'counted')
		notes.push('The numbers of before are estimates.');
	for (const [text, count] of data.now.losses || [])
		notes.push(`lost: ${countText(count)} ${visible(text)}`);
	if (cut)
		notes.push(`${countText(cut)} of ${countText(stacks.length)} stacks are incomplete: their callers are not known.`);
	byId('notes').replaceChildren(...notes.map((text) => element('li', {}, text)));
}

function curveWords(p) {
	const words = p.curves.filter((c) => c.verdict === 'growing' || c.verdict === 'warming_up').map((c) =>
		`${visible(c.name)} ${VERDICT_WORDS[c.verdict]} ${gainText(c.rate, bytesText)}/s`);

	return words.join(', ') || (p.curves.some((c) => c.verdict === 'plateau') ? 'at rest' : '');
}

function number(text) {
	return element('td', { className: 'number' }, text);
}

function head(name, className) {
	return element('th', { scope: 'col', className: className || '' }, name);
}

function processRow(p) {
	const name = element('th', { scope: 'row' }, processTitle(p), p.alive ? '' : ' (ended)');
	const what = [processRole(p), visible(p.what), p.container ? 'container ' + visible(p.container).slice(0, 12) : ''].filter((text) => text).join('; ');

	return element('tr', {}, name, element('td', { className: 'words' }, what),
		...p.live.map(([bytes, blocks]) => number(blocks ? `${bytesText(bytes).replace(' ', NO_BREAK)} in${NO_BREAK}${countText(blocks)}` : '-')),
		number(p.requests === null ? '-' : countText(p.requests)), element('td', { className: 'words' }, curveWords(p)));
}

function tellProcesses(data) {
	const list = data.now.processes, more = byId('more_processes');
	const show = (n) => byId('processes').replaceChildren(
		element('thead', {}, element('tr', {}, head('Process'), head('What it is'), ...LAYERS.map((name) => head(name, 'number')),
			head('Requests', 'number'), head('Memory'))),
		element('tbody', {}, ...list.slice(0, n).map(processRow)));

	show(FEW_PROCESSES);
	byId('processes').hidden = !list.length;
	more.hidden = list.length <= FEW_PROCESSES;
	more.textContent = `Show all ${countText(list.length)} processes`;
	more.addEventListener('click', () => {
		show(list.length);
		more.hidden = true;
		/* A button that goes away takes the focus with it: it goes on with what has come. */
		const row = byId('processes').tBodies[0].rows[FEW_PROCESSES];

		row.tabIndex = -1;
		row.focus();
	});
}

function tellEvents(data) {
	const list = data.now.events;

	byId('events').hidden = !list.length;
	byId('event_list').replaceChildren(...list.map((e) => element('li', {}, [timeText(String(e.time || '')), String(e.event || e.type),
		e.comm === undefined ? '' : processTitle({ comm: String(e.comm), pid: e.pid }), e.signal_name, e.code_text,
		e.fault_addr && 'at ' + e.fault_addr, e.reason].filter((text) => text).map((text) => visible(String(text))).join(' '))));
}

// ---- figures of a node ----

// detailLines - of a node: what it is; its figures; what is thought of it.
function detailLines(data, view, node) {
	const { tree, show, compare } = view, item = tree.items[tree.item[node]], lines = [], figures = [];
	const value = tree.now[node], before = tree.was[node], about = (n) => (view.isEstimate ? 'about ' : '') + show(n);
	const file = item.place && item.place !== item.name ? item.place : '';

	lines.push([item.name, file, item.module && !item.name.includes(item.module) ? `(${item.module})` : '',
		KIND_NAMES[item.kind] ? '- ' + KIND_NAMES[item.kind] : ''].filter((text) => text).join(' '));
	if (compare) {
		figures.push('before ' + show(before), 'now ' + about(value), (value === before ? '' : 'change ') + gainText(value - before, show));
		if (before > 0 && value !== before)
			figures.push(gainText(100 * (value - before) / before, (n) => n.toFixed(1) + ' %'));
	} else {
		figures.push(about(value), shareText(value, tree.now[0]) + ' of all');
		if (tree.depth[node] > 1) {
			const above = tree.items[tree.item[tree.parent[node]]];

			figures.push(shareText(value, tree.now[tree.parent[node]]) + ' of ' + (above.kind === GROUP ? above.name : view.inverted ? 'its callee' : 'its caller'));
		}
		if (tree.ownNow[node] > 0 && tree.ownNow[node] < value)
			figures.push('its own ' + show(tree.ownNow[node]));
	}
	lines.push(figures.join(', '));
	const stack = tree.stackAt[node] >= 0 && (tree.ownNow[node] > 0 || tree.ownWas[node] > 0) ? data.stacks[tree.stackAt[node]] : null;

	if (stack && stack.why && !stack.side)
		lines.push(visible(stack.why));
	else if (tree.leak[node] > 0)
		lines.push(`${show(tree.leak[node])} of it in stacks that leak`);
	if (item.process && item.process.what && !compare)
		lines.push([processRole(item.process), visible(item.process.what)].filter((text) => text).join('; '));
	return lines;
}

// ---- the stacks as a table ----

function frameLine(data, frame) {
	const kind = KINDS[frame[0]] || OTHER, place = framePlace(data, frame, true), module = visible(data.strings[frame[3]]);
	const where = [kind === PHP ? place : baseName(place), module && frame[0] === 0 ? `(${module}${frame[5] & 1 ? ', inlined' : ''})` : ''];

	return [frameLabel(data, frame), ...where].filter((text) => text).join(' ');
}

// stackName - the innermost line of PHP, if there is one, and who called the allocator.
function stackName(data, stack) {
	const frames = stack.frames.map((f) => data.frames[f]), php = frames.find((f) => KINDS[f[0]] === PHP && f[2]), first = frames[0];

	if (!first)
		return '[nothing is known of its callers]';
	return php && php !== first ? `${frameLabel(data, php)} ${baseName(framePlace(data, php, true))} - ${frameLabel(data, first)}` : frameLine(data, first);
}

function stackCell(data, stack) {
	const details = element('details', {}, element('summary', {}, stackName(data, stack)));

	/* Made when it is asked for: there may be thousands. */
	details.addEventListener('toggle', () => {
		if (details.open && details.childElementCount === 1)
			details.append(element('ol', { className: 'frames' }, ...stack.frames.map((f) => element('li', {}, frameLine(data, data.frames[f]))),
				...(stack.whole ? [] : [element('li', { className: 'soft' }, '(incomplete: the callers are not known)')])),
			element('p', { className: 'soft' }, `site ${stack.site}` + (stack.age ? `, oldest block ${spanText(stack.age)}` : '')));
	});
	return element('td', { className: 'words' }, details);
}

function stackRow(data, view, node, find) {
	const { tree, show, compare } = view, stack = data.stacks[tree.stackAt[node]], now = tree.ownNow[node], was = tree.ownWas[node];
	const figures = compare ? [gainText(now - was, show), show(was), show(now)] : [show(now), shareText(now, tree.now[0])];
	const verdict = stack.side ? 'gone' : stack.why || (stack.verdict === LEAK ? 'leak' : stack.verdict ? 'no leak' : 'not judged yet');
	const button = element('button', { type: 'button' }, 'Show');

	button.setAttribute('aria-label', 'Show in the graph: ' + stackName(data, stack));
	button.addEventListener('click', () => find(node));
	return element('tr', {}, ...figures.map(number), element('td', { className: stack.verdict === LEAK && !stack.side ? 'words leak' : 'words' }, visible(verdict)),
		element('td', {}, LAYERS[stack.layer]), element('td', {}, tree.items[tree.ways[tree.stackAt[node]][0]].label), stackCell(data, stack),
		element('td', {}, button));
}

// tellStacks - the widest first, or what has changed most. find: called with a node that is to be shown.
function tellStacks(data, view, find) {
	const { tree, compare } = view, rank = (i) => (compare ? Math.abs(tree.ownNow[i] - tree.ownWas[i]) : tree.ownNow[i]);
	const nodes = [], more = byId('more');
	let shown = 0;

	for (let i = 1; i < tree.n; i++)
		if (rank(i) > 0)
			nodes.push(i);
	nodes.sort((a, b) => rank(b) - rank(a) || a - b);
	const body = element('tbody', {}), value = VALUES[view.value].name;
	const grow = (n) => {
		body.append(...nodes.slice(shown, shown + n).map((node) => stackRow(data, view, node, find)));
		shown = Math.min(nodes.length, shown + n);
		more.hidden = shown === nodes.length;
		more.textContent = `Show more (${countText(nodes.length - shown)} are left)`;
	};

	byId('top').replaceChildren(element('thead', {}, element('tr', {}, ...(compare ? ['Change of ' + value, 'Before', 'Now'] : [value, 'Share'])
		.map((name) => head(name[0].toUpperCase() + name.slice(1), 'number')), head('Verdict'), head('Layer'), head('Process'),
	head('Stack, innermost frame first'), head('In the graph'))), body);
	more.onclick = () => {
		const first = shown;

		grow(MORE_STACKS);
		if (more.hidden)
			body.rows[first].querySelector('summary').focus();
	};
	grow(FEW_STACKS);
	byId('unchanged').hidden = nodes.length > 0;
	byId('top').hidden = !nodes.length;
	byId('top_title').textContent = `Stacks (${countText(nodes.length)})`;
}
