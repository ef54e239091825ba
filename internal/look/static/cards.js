// Draws Adaptive Cards as Teams does, under a CSP without unsafe-inline: the
// library sets styles through the CSSOM, and Markdown becomes HTML here, escaped.
(() => {
  const token = name => `var(--${name})`;
  const text = (normal, subtle) => ({ default: token(normal), subtle: token(subtle) });
  const colors = {
    default: text('colorNeutralForeground1', 'colorNeutralForeground3'),
    dark: text('colorNeutralForeground1', 'colorNeutralForeground3'),
    light: text('colorNeutralForegroundInverted', 'colorNeutralForeground3'),
    accent: text('colorBrandForeground1', 'colorBrandForeground2'),
    good: text('colorPaletteGreenForeground1', 'colorPaletteGreenForeground1'),
    warning: text('colorStatusWarningForeground1', 'colorStatusWarningForeground1'),
    attention: text('colorPaletteRedForeground1', 'colorPaletteRedForeground1'),
  };
  const style = background => ({ backgroundColor: token(background), borderColor: token('colorNeutralStroke2'), foregroundColors: colors });
  const heading = { size: 'default', weight: 'bolder', color: 'default', isSubtle: false, wrap: true };
  const config = {
    hostCapabilities: { capabilities: null },
    supportsInteractivity: true,
    fontFamily: 'inherit',
    fontTypes: {
      default: { fontFamily: 'inherit', fontSizes: { small: 12, default: 14, medium: 14, large: 18, extraLarge: 24 }, fontWeights: { lighter: 400, default: 400, bolder: 600 } },
      monospace: { fontFamily: token('fontFamilyMonospace'), fontSizes: { small: 12, default: 13, medium: 14, large: 18, extraLarge: 24 }, fontWeights: { lighter: 400, default: 400, bolder: 600 } },
    },
    lineHeights: { small: 16, default: 20, medium: 20, large: 24, extraLarge: 32 },
    spacing: { small: 8, default: 12, medium: 16, large: 20, extraLarge: 24, padding: 12 },
    separator: { lineThickness: 1, lineColor: token('colorNeutralStroke2') },
    imageSizes: { small: 32, medium: 52, large: 100 },
    imageSet: { imageSize: 'medium', maxImageHeight: 100 },
    factSet: { title: { ...heading, maxWidth: 200 }, value: { ...heading, weight: 'default' }, spacing: 16 },
    textStyles: { heading: { ...heading, size: 'large' }, columnHeader: heading },
    actions: {
      maxActions: 6, spacing: 'default', buttonSpacing: 8, showCard: { actionMode: 'inline', inlineTopMargin: 12, style: 'emphasis' },
      actionsOrientation: 'horizontal', actionAlignment: 'left',
    },
    containerStyles: {
      default: style('colorNeutralBackground1'), emphasis: style('colorNeutralBackground4'), accent: style('colorBrandBackground2'),
      good: style('colorPaletteGreenBackground1'), warning: style('colorPaletteYellowBackground1'), attention: style('colorPaletteRedBackground1'),
    },
    media: { allowInlinePlayback: false },
    textBlock: { headingLevel: 3 },
  };

  const escape = s => s.replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
  const safe = url => /^(https?|mailto|tel):/i.test(url.trim());
  const punctuation = /[!-/:-@[-`{-~]/;

  // until gives the text before the next unescaped mark, or an empty one.
  function until(s, mark) {
    for (let i = 0; i < s.length; i++) {
      if (s[i] === '\\') i++;
      else if (s.startsWith(mark, i)) return s.slice(0, i);
    }
    return '';
  }

  // styled finds a bold, italic or linked run at the start: its HTML and length.
  function styled(s, depth) {
    if (s[0] === '[') {
      const label = until(s.slice(1, 1000), '](');
      const target = label && until(s.slice(label.length + 3, label.length + 3000), ')');
      if (!target || /[ <>]/.test(target)) return null;
      const inner = inline(label, depth + 1);
      const html = safe(target) ? `<a href="${escape(target)}" target="_blank" rel="noopener noreferrer">${inner}</a>` : inner;
      return { html, length: label.length + target.length + 4 };
    }
    const mark = s[1] === s[0] ? s.slice(0, 2) : s[0];
    const inner = until(s.slice(mark.length, 30000), mark);
    if (!inner || inner.startsWith(' ') || inner.endsWith(' ')) return null;
    const tag = mark.length === 2 ? 'strong' : 'em';
    return { html: `<${tag}>${inline(inner, depth + 1)}</${tag}>`, length: inner.length + 2 * mark.length };
  }

  function inline(s, depth = 0) {
    let out = '', plain = '';
    for (let i = 0; i < s.length;) {
      if (s[i] === '\\' && i + 1 < s.length && punctuation.test(s[i + 1])) {
        plain += s[i + 1];
        i += 2;
        continue;
      }
      const run = depth < 4 && '*_['.includes(s[i]) ? styled(s.slice(i), depth) : null;
      if (!run) {
        plain += s[i++];
        continue;
      }
      out += escape(plain) + run.html;
      plain = '';
      i += run.length;
    }
    return out + escape(plain);
  }

  // markdown knows what a TextBlock knows: bold, italic, links, lists. One line
  // break collapses into a space.
  function markdown(s) {
    const blocks = [];
    let open = null;
    for (const line of s.replaceAll('\r\n', '\n').split('\n')) {
      const item = /^ {0,3}(?:([-*+])|(\d{1,9})[.)]) +(.*)$/.exec(line);
      if (line === '') {
        open = null;
      } else if (item) {
        const list = item[1] ? 'ul' : 'ol';
        if (blocks.at(-1)?.list !== list) blocks.push({ list, start: item[2], items: [] });
        open = blocks.at(-1).items;
        open.push(inline(item[3]));
      } else if (open) {
        open[open.length - 1] += ' ' + inline(line);
      } else {
        blocks.push({ items: [inline(line)] });
        open = blocks.at(-1).items;
      }
    }
    return blocks.map(b => b.list
      ? `<${b.list}${b.start ? ` start="${b.start}"` : ''}>${b.items.map(i => `<li>${i}</li>`).join('')}</${b.list}>`
      : `<p>${b.items.join('')}</p>`).join('');
  }

  const host = new AdaptiveCards.HostConfig(config);
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (s, result) => {
    result.outputHtml = markdown(s);
    result.didProcess = true;
  };

  // stand puts words where a picture can't be had: the policy of a page may let in none of others.
  function stand(image) {
    const place = image.parentElement;
    image.addEventListener('error', () => {
      const words = document.createElement('span');
      words.className = 'ac-missing';
      words.textContent = image.alt || 'Picture';
      place.replaceChildren(words);
    });
  }

  function draw(box) {
    const json = box.dataset.card;
    delete box.dataset.card;
    if (!json) return;
    try {
      const source = JSON.parse(json);
      const card = new AdaptiveCards.AdaptiveCard();
      card.hostConfig = host;
      card.onExecuteAction = action => {
        if (action instanceof AdaptiveCards.OpenUrlAction && safe(action.url ?? '')) window.open(action.url, '_blank', 'noopener');
      };
      card.parse(source);
      const drawn = card.render();
      if (!drawn) return;
      drawn.style.padding = '0';
      drawn.querySelectorAll('img').forEach(stand);
      box.classList.toggle('wide', source.msteams?.width?.toLowerCase() === 'full');
      box.classList.remove('ac-text');
      box.replaceChildren(drawn);
    } catch (e) {
      console.warn('a card could not be drawn; its text stays', e.message);
    }
  }

  window.drawCards = root => root.querySelectorAll('[data-card]').forEach(draw);
  document.addEventListener('DOMContentLoaded', () => drawCards(document));
})();
