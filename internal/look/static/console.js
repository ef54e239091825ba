// What pages can't do without a script: Copy, times in the reader's zone, keys, live tables.
const toast = text => {
  const d = document.createElement('div');
  d.className = 'toast';
  d.textContent = text;
  document.getElementById('toasts').append(d);
  setTimeout(() => d.remove(), 5000);
};

const full = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const hour = new Intl.DateTimeFormat(undefined, { timeStyle: 'short' });
const times = root => root.querySelectorAll('time[datetime]:not([title])').forEach(t => {
  const at = new Date(t.dateTime);
  t.title = t.textContent;
  t.textContent = ('near' in t.dataset && at.toDateString() === new Date().toDateString() ? hour : full).format(at);
});

document.addEventListener('click', async e => {
  const opener = e.target.closest('[data-dialog]');
  const dialog = opener && document.getElementById(opener.dataset.dialog);
  if (dialog) {
    e.preventDefault();
    dialog.showModal();
    return;
  }
  const closer = e.target.closest('dialog [data-close]');
  if (closer) {
    e.preventDefault();
    closer.closest('dialog').close();
    return;
  }
  const copy = e.target.closest('[data-copy]');
  if (copy) {
    try {
      await navigator.clipboard.writeText(copy.dataset.copy);
      toast(copy.dataset.copied || 'Copied');
    } catch {
      toast(copy.dataset.copy);
    }
    copy.closest('[popover]')?.hidePopover();
  }
});

// A dialog that the server opened stands in the page; with a script it becomes modal.
const modal = () => document.querySelectorAll('dialog[open][data-modal]').forEach(d => {
  d.removeAttribute('open');
  d.showModal();
  d.addEventListener('close', () => {
    const back = d.dataset.modal;
    if (back) history.replaceState(null, '', back);
  });
});

document.addEventListener('keydown', e => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.target.closest('input, textarea, select, dialog[open]')) return;
  const act = { '/': 'input[type=search]', n: '[data-key=n]', '?': '[data-dialog=help]' }[e.key];
  const found = act && document.querySelector(act);
  if (!found) return;
  e.preventDefault();
  e.key === '/' ? found.focus() : found.click();
});

// What the server found wrong in a field was true of what stood there before.
document.addEventListener('input', e => {
  if (!e.target.matches('[aria-invalid]')) return;
  e.target.removeAttribute('aria-invalid');
  document.getElementById(e.target.getAttribute('aria-describedby'))?.remove();
});

document.querySelectorAll('[data-submit]').forEach(s => {
  s.form.querySelector('button').hidden = true;
  s.addEventListener('change', () => s.form.requestSubmit());
});

// Tables that say where they are fed from are fetched again when something changed.
const live = document.querySelector('[data-live]');
if (live) {
  const source = new EventSource(live.dataset.live);
  source.onmessage = () => { if (!document.querySelector('dialog[open], [popover]:popover-open')) htmx.trigger(document.body, 'live'); };
  addEventListener('pagehide', () => source.close());
}

document.addEventListener('htmx:after:swap', () => {
  times(document);
  window.drawCards?.(document);
});
document.querySelectorAll('#toasts .toast').forEach(d => setTimeout(() => d.remove(), 8000));
times(document);
modal();
