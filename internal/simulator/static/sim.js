// Follows the channel: new posts, notes and numbers as they come. Without this
// script the page is the same, as of its loading.
(() => {
  const channel = document.querySelector('.channel[data-flow]');
  const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' });
  const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'long', timeStyle: 'medium' });
  const local = root => root.querySelectorAll('time').forEach(t => {
    const at = new Date(t.dateTime);
    t.textContent = clock.format(at);
    t.title = day.format(at);
  });
  const byId = id => document.getElementById(id);

  document.addEventListener('DOMContentLoaded', () => {
    local(document);
    byId('posts')?.scrollTo(0, byId('posts').scrollHeight);
  });
  document.addEventListener('focusin', e => e.target.classList.contains('url') && e.target.select());
  if (!channel) return;

  // fragment turns a piece of the page, as the server made it, into elements.
  const fragment = html => {
    const t = document.createElement('template');
    t.innerHTML = html;
    local(t.content);
    return t.content;
  };
  const known = (list, seq) => list.querySelector(`[data-seq="${CSS.escape(seq)}"]`);
  const trim = (list, most, end) => { while (list.children.length > most) list[end].remove(); };

  function post(html) {
    const list = byId('list'), scroll = byId('posts');
    const part = fragment(html);
    const li = part.firstElementChild;
    if (known(list, li.dataset.seq)) return;
    const atEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 80;
    li.classList.add('fresh');
    list.append(part);
    drawCards(li);
    byId('empty').hidden = true;
    trim(list, 500, 'firstElementChild');
    if (atEnd) scroll.scrollTo(0, scroll.scrollHeight);
  }

  function note(html) {
    const list = byId('notes');
    const part = fragment(html);
    if (known(list, part.firstElementChild.dataset.seq)) return;
    list.prepend(part);
    trim(list, 100, 'lastElementChild');
    byId('nonotes').hidden = true;
  }

  function state(s) {
    for (const n of document.querySelectorAll('.behind [data-n]')) n.textContent = s[n.dataset.n];
    const pill = byId('state');
    pill.textContent = s.state;
    pill.className = `pill ${s.stateClass}`;
    byId('window').value = s.window;
    byId('armed').hidden = !s.armed;
    byId('armedtext').textContent = s.armed;
    byId('sender').textContent = s.sender;
    byId('sender').hidden = !s.sender;
    for (const c of s.channels) {
      const link = document.querySelector(`.teams a[data-flow="${CSS.escape(c.id)}"]`);
      if (!link) continue;
      link.querySelector('[data-n=posts]').textContent = c.posts;
      link.querySelector('[data-n=off]').hidden = !c.off;
    }
  }

  const source = new EventSource(`/_sim/events?flow=${encodeURIComponent(channel.dataset.flow)}&after=${channel.dataset.after}`);
  const live = on => byId('live').classList.toggle('on', on);
  source.onopen = () => live(true);
  source.onerror = () => live(false); // EventSource comes back by itself, with Last-Event-ID
  source.addEventListener('post', e => post(e.data));
  source.addEventListener('note', e => note(e.data));
  source.addEventListener('state', e => state(JSON.parse(e.data)));
  source.addEventListener('gap', () => location.reload());
  addEventListener('pagehide', () => source.close());
})();
