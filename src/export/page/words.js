// words.js - numbers, times and untrusted text as people read them; elements of the page.
'use strict';

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

// bytesText - "512 B", "3.9 MiB": as the reports of swtrace.
function bytesText(bytes) {
	let value = Math.abs(bytes), unit = 0;

	while (value >= 1023.95 && unit < UNITS.length - 1) {
		value /= 1024;
		unit++;
	}
	return (bytes < 0 ? '-' : '') + (unit ? value.toFixed(1) : Math.round(value)) + ' ' + UNITS[unit];
}

// countText - "52,113".
function countText(n) {
	return String(Math.round(n)).replace(/\B(?=(\d{3})+$)/g, ',');
}

// gainText - with a sign always, unless nothing has changed.
function gainText(n, show) {
	return n === 0 ? 'no change' : (n > 0 ? '+' : '-') + show(Math.abs(n));
}

function shareText(part, whole) {
	if (whole === 0)
		return '0 %';
	const percent = 100 * part / whole;

	return (percent > 0 && percent < 0.1 ? 'under 0.1' : percent.toFixed(1)) + ' %';
}

const SPANS = [['d', 86400e3], ['h', 3600e3], ['min', 60e3], ['s', 1e3], ['ms', 1]];

// spanText - "12 s", "2.5 h".
function spanText(ms) {
	const [name, of] = SPANS.find((one) => ms >= one[1]) || SPANS[3];

	return String(Math.round(10 * ms / of) / 10) + ' ' + name;
}

function timeText(rfc3339) {
	return rfc3339.replace('T', ' ').replace(/\.\d+Z$/, ' UTC');
}

// What would not be seen, or would turn or alter the text around it: the same as in util/strbuf.c.
const UNSEEN = /[\p{Cc}\p{Bidi_Control}\p{Default_Ignorable_Code_Point}\u2028\u2029\ufff9-\ufffb]/gu;
// Letters that are written from right to left. Left alone, they would take along what stands beside them: figures, brackets.
const FROM_THE_RIGHT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff\u{10800}-\u{10fff}\u{1e800}-\u{1efff}]/u;
const ISOLATE = '\u2066', END_OF_ISOLATE = '\u2069';

// visible - text of a traced process: what is unseen is told by its number; what is not written as the page is stays within itself.
function visible(text) {
	const shown = text.replace(UNSEEN, (c) => {
		const hex = c.codePointAt(0).toString(16).padStart(2, '0');

		return hex.length > 2 ? `\\u{${hex}}` : '\\x' + hex;
	});

	return FROM_THE_RIGHT.test(shown) ? ISOLATE + shown + END_OF_ISOLATE : shown;
}

function byId(id) {
	return document.getElementById(id);
}

// element - of that name, with properties, and what is in it: elements, and text, which stays text.
function element(name, properties, ...inside) {
	const e = document.createElement(name);

	Object.assign(e, properties);
	e.append(...inside);
	return e;
}

function svg(name, attributes, ...inside) {
	const e = document.createElementNS('http://www.w3.org/2000/svg', name);

	for (const key of Object.keys(attributes))
		e.setAttribute(key, attributes[key]);
	e.append(...inside);
	return e;
}

// color - of style.css, by name.  Return: [red, green, blue].
let colorsRead = new Map();
function color(name) {
	if (!colorsRead.has(name))
		colorsRead.set(name, getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim().split(/\s+/).map(Number));
	return colorsRead.get(name);
}

// css - for a canvas. It is asked for the same few colors thousands of times.
const colorTexts = new Map();
function css(rgb) {
	const key = Math.round(rgb[0]) << 16 | Math.round(rgb[1]) << 8 | Math.round(rgb[2]);

	if (!colorTexts.has(key))
		colorTexts.set(key, '#' + key.toString(16).padStart(6, '0'));
	return colorTexts.get(key);
}

// mixed - from one color to another.  share: 0 is the first, 1 the second.
function mixed(from, to, share) {
	return from.map((c, i) => c + (to[i] - c) * share);
}
