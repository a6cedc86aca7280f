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

// visible - text of a traced process: what would not be seen, or would turn the text around it, is told by its number.
function visible(text) {
	return text.replace(/[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
		(c) => '\\x' + c.codePointAt(0).toString(16).padStart(2, '0'));
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
