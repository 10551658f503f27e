// Shows the mails that were caught, newest first, and those that come while the page is open.
const list = document.getElementById('mails');
const template = document.getElementById('mail');
const trouble = document.getElementById('trouble');
let shown = [];

const keyOf = (mail) => JSON.stringify([mail.to, mail.subject, mail.text]);

function render(mail) {
  const item = template.content.cloneNode(true).firstElementChild;
  item.querySelector('.subject').textContent = mail.subject;
  item.querySelector('.to').textContent = `to ${mail.to}`;
  for (const link of mail.links) {
    const anchor = document.createElement('a');
    anchor.href = link;
    anchor.textContent = link;
    item.querySelector('.links').append(anchor);
  }
  const frame = item.querySelector('iframe');
  const text = item.querySelector('pre');
  frame.title = `The mail “${mail.subject}”`;
  text.textContent = mail.text;
  item.querySelector('details').addEventListener('toggle', () => {
    if (!frame.srcdoc) frame.srcdoc = `<base target="_blank">${mail.html}`;
  });
  const [asShown, asText] = item.querySelectorAll('.tabs button');
  const choose = (showText) => {
    frame.hidden = showText;
    text.hidden = !showText;
    asShown.setAttribute('aria-pressed', String(!showText));
    asText.setAttribute('aria-pressed', String(showText));
  };
  asShown.addEventListener('click', () => choose(false));
  asText.addEventListener('click', () => choose(true));
  return item;
}

async function refresh() {
  try {
    const response = await fetch('/dev/mail.json', { cache: 'no-store' });
    const mails = await response.json();
    const known = new Map();
    shown.forEach((key, index) => {
      known.set(key, [...(known.get(key) ?? []), list.children[index]]);
    });
    // What is open stays as it is.
    list.replaceChildren(...mails.map((mail) => known.get(keyOf(mail))?.shift() ?? render(mail)));
    if (shown.length === 0) list.querySelector('details')?.setAttribute('open', '');
    shown = mails.map(keyOf);
    document.getElementById('empty').hidden = mails.length > 0;
    trouble.textContent = '';
  } catch {
    trouble.textContent = 'The service isn’t responding. This page keeps trying.';
  }
}

async function refreshForever() {
  if (!document.hidden) await refresh();
  setTimeout(refreshForever, 2000);
}

refreshForever();
