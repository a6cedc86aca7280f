// data.js - what is in the page, and what it means.
//
// The data is an object:
//   strings   texts, each once
//   frames    [kind, function, file, module, line, flags, address]: kind as in KINDS; three places in strings; flags are the sum
//             of 1, inlined into the next frame, and 2, line is that of the function; address, hex, of a module without names
//   now, and in a comparison before:
//     host, version, start, time (RFC 3339), ms (since start), basis ("counted", "sampled", "windows")
//     damage     what is wrong with the file that it was read from, in words, or null: all else is what could be read of it
//     processes  pid, comm, role, worker, what, container, alive, requests, live ([bytes, blocks] of each layer), curves
//     losses     [text, count]; null, of a damaged file: they are not known
//     events     as in docs/json.md, the main fields
//     stacks     [process, layer, verdict, whole, four values as in VALUES, age of the oldest block in ms, why, site, frames...]:
//                why is a place in strings; the allocator's caller is the first frame

const LAYERS = ['zend', 'libc', 'mmap'];

// Kinds as the graph tells them apart, and those of frames.
const PHP = 'php', NATIVE = 'native', OTHER = 'other', GROUP = 'group';
const KINDS = [NATIVE, NATIVE, OTHER, OTHER, PHP];
const KIND_NAMES = { php: 'PHP', native: 'native', other: 'no code of a file', group: '' };

const VALUES = [
	{ key: 'live_bytes', name: 'live bytes', show: bytesText, ofLiving: true },
	{ key: 'live_blocks', name: 'live blocks', show: (n) => countText(n) + (n === 1 ? ' block' : ' blocks'), ofLiving: true },
	{ key: 'leak_rate', name: 'leak rate', show: (n) => bytesText(n) + '/h' },
	{ key: 'alloc_bytes', name: 'allocated bytes', show: bytesText },
];

const STACK_HEAD = 11; // numbers before the frames
const LEAK = 2; // a verdict

// readData - the object above, with stacks as objects; those of before have side 1.
function readData() {
	const data = JSON.parse(byId('data').textContent);

	data.stacks = [];
	[data.now, data.before].forEach((profile, side) => {
		for (const s of profile ? profile.stacks : [])
			data.stacks.push({
				side,
				process: profile.processes[s[0]],
				layer: s[1],
				verdict: s[2],
				whole: s[3],
				values: s.slice(4, 8),
				age: s[8],
				why: data.strings[s[9]],
				site: s[10],
				frames: s.slice(STACK_HEAD),
			});
	});
	return data;
}

// frameLabel - as in the other forms: "Class::method", "malloc", "[php8.2+0x33cfe1]", "[heap]".
function frameLabel(data, frame) {
	const [kind, name, , module, , , address] = frame;

	if (data.strings[name])
		return visible(data.strings[name]);
	/* A mapping without a file has its brackets already. */
	if (data.strings[module].startsWith('['))
		return visible(data.strings[module]);
	return '[' + visible(data.strings[module] || 'unmapped') + (kind === 1 ? '+0x' + address : '') + ']';
}

// framePlace - "file:line", "file:~line" or "".  withLine: false where frames of several lines are one.
function framePlace(data, frame, withLine) {
	const file = visible(data.strings[frame[2]]);

	if (!file || !frame[4] || !withLine)
		return file;
	return file + (frame[5] & 2 ? ':~' : ':') + frame[4];
}

// baseName - of what visible() has made of a path.
function baseName(path) {
	const name = path.slice(path.lastIndexOf('/') + 1);

	return path.startsWith(ISOLATE) && !name.startsWith(ISOLATE) ? ISOLATE + name : name;
}

function processTitle(p) {
	return visible(p.comm) + '(' + p.pid + ')';
}

function processRole(p) {
	return visible(p.role) + (p.worker === null ? '' : (p.role ? ' ' : 'worker ') + p.worker);
}
