// Extracts what metamodel.json holds from an unpacked npm package mendixmodelsdk:
//
//	npm pack mendixmodelsdk@4.111.0 && tar xzf mendixmodelsdk-4.111.0.tgz
//	node extract.js package types.txt > metamodel.json
//
// It reads names, kinds, defaults, values and version ranges out of the
// package's generated classes and runs none of them. types.txt names the types
// that are wanted, one a line, as the package calls them.
'use strict';
const fs = require('fs');
const path = require('path');
const vm = require('vm');

const [root, list] = process.argv.slice(2);
const wanted = fs.readFileSync(list, 'utf8').split('\n').map((s) => s.trim()).filter((s) => s && !s.startsWith('#'));
const pkg = JSON.parse(fs.readFileSync(path.join(root, 'package.json'), 'utf8'));
const gen = path.join(root, 'src', 'gen');

const classes = {}; // "projects.Module" -> class
const enums = {}; // "projects.ModuleExportLevel" -> {value: life}
const byType = {}; // "Projects$Module" -> class

for (const file of fs.readdirSync(gen).filter((f) => f.endsWith('.js')).sort()) {
	read(path.basename(file, '.js'), fs.readFileSync(path.join(gen, file), 'utf8'));
}

function read(domain, text) {
	for (const [, name, base] of text.matchAll(/^ {4}class (\w+) extends ([\w.]+) \{/gm)) {
		if (base === 'internal.AbstractEnum') {
			enums[`${domain}.${name}`] = {};
		} else {
			classes[`${domain}.${name}`] = { name: `${domain}.${name}`, base: qualify(domain, base), own: {}, versions: {} };
		}
	}
	for (const [, name, value, life] of text.matchAll(/^ {4}(\w+)\.\w+ = new \1\("([^"]*)", (\{[^}]*\})\);/gm)) {
		enums[`${domain}.${name}`][value] = lifeOf(evaluate(life));
	}
	const property = /this\.__(\w+) = new internal\.(\w+)\((\w+), this, "(\w+)", (.*)\);/g;
	for (const [, , kind, owner, name, rest] of text.matchAll(property)) {
		classes[`${domain}.${owner}`].own[name] = describe(domain, kind, rest);
	}
	for (const [, owner, type] of text.matchAll(/^ {4}(\w+)\.structureTypeName = "([^"]+)";/gm)) {
		const c = classes[`${domain}.${owner}`];
		c.type = type;
		byType[type] = c;
	}
	for (const [, owner, info] of text.matchAll(/^ {4}(\w+)\.versionInfo = new exports\.StructureVersionInfo\((\{\}|\{\n[\s\S]*?\n {4}\}), internal\.StructureType/gm)) {
		classes[`${domain}.${owner}`].versions = evaluate(info);
	}
}

// What a part may be stands in the declarations alone.
for (const domain of new Set(Object.keys(classes).map((name) => name.split('.')[0]))) {
	let owner;
	for (const line of fs.readFileSync(path.join(gen, `${domain}.d.ts`), 'utf8').split('\n')) {
		const [, name] = /^ {4}(?:abstract )?class (\w+) /.exec(line) || [];
		if (name) owner = classes[`${domain}.${name}`];
		const [, property, listed, single] = /^ {8}get (\w+)\(\): (?:internal\.IList<([\w.]+)>|([\w.]+)(?: \| null)?);/.exec(line) || [];
		if (property && owner && owner.own[property] && owner.own[property].kind === 'Part') {
			owner.own[property].of = qualify(domain, listed || single);
		}
	}
}

function qualify(domain, base) {
	const parts = base.split('.');
	return parts.length === 1 ? `${domain}.${base}` : parts.slice(-2).join('.');
}

function evaluate(text) {
	return vm.runInNewContext(`(${text})`);
}

// describe says what a property holds. Where the package gives a default that
// is a plain value it is kept; null and [] say nothing and are left out.
function describe(domain, kind, rest) {
	const args = split(rest);
	const plain = (s) => (/^(null|\[\])$/.test(s) ? undefined : evaluate(s));
	switch (kind) {
	case 'PrimitiveProperty':
		return { kind: args[1].split('.').pop(), default: plain(args[0]) };
	case 'PrimitiveListProperty':
		return { kind: args[1].split('.').pop(), list: true };
	case 'EnumProperty':
		return { kind: 'Enum', enum: qualify(domain, args[1]), default: args[0].split('.').pop() };
	case 'EnumListProperty':
		return { kind: 'Enum', enum: qualify(domain, args[1]), list: true };
	case 'PartProperty':
		return { kind: 'Part', required: args[1] === 'true' };
	case 'PartListProperty':
		return { kind: 'Part', list: true };
	case 'ByNameReferenceProperty':
		return { kind: 'ByName', to: JSON.parse(args[1]) };
	case 'ByNameReferenceListProperty':
		return { kind: 'ByName', to: JSON.parse(args[1]), list: true };
	case 'LocalByNameReferenceProperty':
		return { kind: 'LocalByName', to: JSON.parse(args[1]) };
	case 'LocalByNameReferenceListProperty':
		return { kind: 'LocalByName', to: JSON.parse(args[1]), list: true };
	case 'ByIdReferenceProperty':
		return { kind: 'ById' };
	default:
		return { kind };
	}
}

// split cuts an argument list at the commas outside strings and brackets.
function split(text) {
	const out = [''];
	let depth = 0, quoted = false;
	for (let i = 0; i < text.length; i++) {
		const ch = text[i];
		if (ch === '"' && text[i - 1] !== '\\') quoted = !quoted;
		if (!quoted && '([{'.includes(ch)) depth++;
		if (!quoted && ')]}'.includes(ch)) depth--;
		if (ch === ',' && depth === 0 && !quoted) out.push('');
		else out[out.length - 1] += ch;
	}
	return out.map((s) => s.trim());
}

function lifeOf(info) {
	const life = {};
	if (info && info.introduced) life.introduced = info.introduced;
	if (info && info.deleted) life.deleted = info.deleted;
	return life;
}

function chain(c) {
	const out = [];
	for (; c; c = classes[c.base]) out.unshift(c);
	return out;
}

const out = { source: `npm ${pkg.name} ${pkg.version}`, license: pkg.license, types: {}, enums: {} };
for (const type of wanted) {
	const c = byType[type];
	if (!c) throw new Error(`no type ${type}`);
	const t = { ...lifeOf(c.versions), supertypes: chain(c).slice(0, -1).map((b) => b.type).filter(Boolean), properties: {} };
	for (const b of chain(c)) {
		for (const [name, property] of Object.entries(b.own)) {
			const versions = (b.versions.properties || {})[name] || {};
			const p = { ...property, ...lifeOf(versions) };
			if (versions.required && versions.required.currentValue) p.required = true;
			if (!p.required) delete p.required;
			if (p.kind === 'Part') p.of = classes[p.of].type;
			t.properties[name] = p;
			if (p.enum) out.enums[p.enum] = enums[p.enum];
		}
	}
	out.types[type] = t;
}
out.enums = Object.fromEntries(Object.entries(out.enums).sort());
process.stdout.write(JSON.stringify(out, null, 1) + '\n');
