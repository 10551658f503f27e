// The API reference: search by `/`, the section in view, and copying.
const query = document.getElementById('query');
const found = document.getElementById('found');
const index = document.getElementById('index');
const side = document.getElementById('side');
const menu = document.querySelector('.menu');
const status = document.querySelector('[role=status]');
const LIMIT = 40;
const KINDS = { guide: 'guide', queries: 'query', mutations: 'mutation', subscriptions: 'subscription', objects: 'object',
  interfaces: 'interface', unions: 'union', inputs: 'input', enums: 'enum', scalars: 'scalar', fields: 'field', values: 'value' };
const ORDER = Object.keys(KINDS);
// What is looked for most goes before what only has a similar name.
const LEAD = { guide: 10, queries: 25, mutations: 25, subscriptions: 25, fields: -15, values: -15 };

document.documentElement.classList.add('with-script');
document.querySelector('.search').hidden = false;
menu.hidden = false;

const entries = [...document.querySelectorAll('[data-find]')].map((element) => {
  const { find: name, kind } = element.dataset;
  const about = element.querySelector('.about, dd');
  const text = about?.textContent.replace(/\s+/g, ' ').trim() ?? '';
  return { href: `#${element.id}`, name, kind, lower: name.toLowerCase(), text, lowerText: text.toLowerCase() };
});

/** How well an entry matches all words; 0 if one is missing. */
function score({ lower, lowerText, name, kind }, words) {
  const last = lower.slice(lower.lastIndexOf('.') + 1);
  const humps = name.split(/(?=[A-Z])|[._ ]/).map((hump) => hump.toLowerCase());
  let total = 0;
  for (const word of words) {
    if (lower === word) total += 100;
    else if (last === word) total += 80;
    else if (last.startsWith(word)) total += 60;
    else if (humps.some((hump) => hump.startsWith(word))) total += 40;
    else if (lower.includes(word)) total += 30;
    else if (lowerText.includes(word)) total += 5;
    else return 0;
  }
  return total + (LEAD[kind] ?? 0) + 20;
}

function search() {
  const words = query.value.toLowerCase().split(/\s+/).filter(Boolean);
  const matches = words.length === 0 ? [] : entries
    .map((entry) => ({ entry, points: score(entry, words) }))
    .filter(({ points }) => points > 0)
    .sort((a, b) => b.points - a.points || ORDER.indexOf(a.entry.kind) - ORDER.indexOf(b.entry.kind)
      || a.entry.name.length - b.entry.name.length);
  found.firstElementChild.replaceChildren(...matches.slice(0, LIMIT).map(({ entry }) => result(entry, words)));
  found.hidden = words.length === 0;
  index.hidden = words.length > 0;
  status.textContent = words.length === 0 ? '' : `${matches.length || 'Nothing'} found`;
  if (matches.length === 0) {
    const nothing = document.createElement('p');
    nothing.textContent = 'Nothing found.';
    found.firstElementChild.append(document.createElement('li'));
    found.querySelector('li').append(nothing);
  }
  side.scrollTop = 0;
  if (words.length > 0) open(true);
}

function result({ href, name, kind, text, lowerText }, words) {
  const item = document.createElement('li');
  const link = item.appendChild(document.createElement('a'));
  link.href = href;
  const title = link.appendChild(document.createElement('b'));
  const [owner, member] = name.split('.');
  if (member) title.append(owner, '.', document.createElement('wbr'), member);
  else title.append(name);
  const note = document.createElement('small');
  note.textContent = ` ${KINDS[kind]}`;
  title.append(note);
  const about = link.appendChild(document.createElement('span'));
  about.className = 'about';
  about.textContent = excerpt(text, lowerText, words);
  return item;
}

/** The text from shortly before the first word that is in it. */
function excerpt(text, lowerText, words) {
  const at = Math.min(...words.map((word) => lowerText.indexOf(word)).filter((place) => place >= 0), text.length);
  const start = at === text.length || at < 60 ? 0 : text.lastIndexOf(' ', at - 30) + 1;
  return (start > 0 ? '… ' : '') + text.slice(start, start + 160);
}

/** On narrow screens, the contents and the results cover the page. */
function open(isOpen) {
  side.classList.toggle('open', isOpen);
  menu.setAttribute('aria-expanded', String(isOpen));
}

function clear() {
  query.value = '';
  search();
}

/** The group of types that has the section in the address. */
function openGroup() {
  const id = decodeURIComponent(location.hash.slice(1)).split('.')[0];
  const group = links.get(id)?.closest('details');
  if (group) group.open = true;
}

const isNarrow = matchMedia('(max-width: 860px)');
query.addEventListener('input', search);
menu.addEventListener('click', () => {
  if (query.value) clear();
  open(!side.classList.contains('open'));
});
side.addEventListener('click', (event) => {
  if (event.target.closest('a') && isNarrow.matches) {
    clear();
    open(false);
  }
});

document.addEventListener('keydown', (event) => {
  if (event.isComposing) return;
  const isTyping = event.target.closest('input, textarea, select, [contenteditable]');
  if (event.key === '/' && !isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    query.focus();
    query.select();
  } else if (event.key === 'Escape' && (query.value || side.classList.contains('open'))) {
    clear();
    open(false);
  } else if (event.key === 'Enter' && event.target === query) {
    found.querySelector('a')?.click();
  } else if ((event.key === 'ArrowDown' || event.key === 'ArrowUp') && !found.hidden) {
    const stops = [query, ...found.querySelectorAll('a')];
    const current = stops.indexOf(document.activeElement);
    const next = current + (event.key === 'ArrowDown' ? 1 : -1);
    if (current >= 0 && stops[next]) {
      event.preventDefault();
      stops[next].focus();
    }
  }
});

// The link to the section in view is marked, and kept visible.
const links = new Map([...index.querySelectorAll('a')].map((link) => [link.hash.slice(1), link]));
const visible = new Set();
const observer = new IntersectionObserver((changes) => {
  for (const { target, isIntersecting } of changes) visible[isIntersecting ? 'add' : 'delete'](target.id);
  const first = [...links.keys()].find((id) => visible.has(id));
  if (!first) return;
  for (const [id, link] of links) {
    if (id === first) link.setAttribute('aria-current', 'true');
    else link.removeAttribute('aria-current');
  }
  const link = links.get(first);
  const group = link.closest('details');
  if (isNarrow.matches || index.hidden || (group && !group.open)) return;
  const box = link.getBoundingClientRect();
  const around = side.getBoundingClientRect();
  if (box.top < around.top || box.bottom > around.bottom) side.scrollTop += box.top - around.top - around.height / 3;
}, { rootMargin: '-80px 0px -60% 0px' });
for (const section of document.querySelectorAll('main section[id]')) observer.observe(section);
addEventListener('hashchange', openGroup);
openGroup();

if (navigator.clipboard) {
  for (const button of document.querySelectorAll('.copy')) {
    button.hidden = false;
    button.addEventListener('click', async () => {
      try {
        await navigator.clipboard.writeText(button.previousElementSibling.textContent);
        button.textContent = 'Copied';
      } catch {
        button.textContent = 'Not copied';
      }
      setTimeout(() => { button.textContent = 'Copy'; }, 2000);
    });
  }
}
