'use strict';
for (const button of document.querySelectorAll('th button')) {
  button.addEventListener('click', () => {
    const head = button.parentElement, table = head.closest('table'), body = table.tBodies[0];
    const column = head.cellIndex, down = head.getAttribute('aria-sort') === 'ascending';
    for (const other of head.parentElement.cells) other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
    const rows = [...body.rows].map((row) => {
      const cell = row.cells[column], key = cell.dataset.key;
      return {row, number: key === undefined ? NaN : Number(key), text: cell.textContent.trim()};
    });
    const sign = down ? -1 : 1;
    rows.sort((a, b) => {
      // Where some are numbers, what is none comes last, whatever the direction.
      if (isNaN(a.number) !== isNaN(b.number)) return isNaN(a.number) ? 1 : -1;
      return sign * (a.number - b.number || a.text.localeCompare(b.text));
    });
    body.append(...rows.map((each) => each.row));
  });
}
const tip = document.getElementById('tip');
for (const area of document.querySelectorAll('.points')) {
  const show = (event) => {
    const mark = event.target.closest('use'), title = mark && mark.querySelector('title');
    tip.hidden = !title;
    if (title) tip.textContent = title.textContent;
  };
  area.addEventListener('pointerover', show);
  area.addEventListener('click', show);
  area.addEventListener('pointerleave', () => { tip.hidden = true; });
  for (const key of area.querySelectorAll('.legend button')) {
    key.addEventListener('click', () => {
      key.setAttribute('aria-pressed', String(key.getAttribute('aria-pressed') !== 'true'));
      const picked = [...area.querySelectorAll('.legend button[aria-pressed=true]')]
        .map((each) => each.dataset.class);
      area.classList.toggle('picked', picked.length > 0);
      for (const group of area.querySelectorAll('[data-gid^="class-"]')) {
        group.classList.toggle('on', picked.includes(group.dataset.gid));
      }
    });
  }
}
const play = document.querySelector('.play');
if (play) {
  play.addEventListener('click', () => {
    const on = play.getAttribute('aria-pressed') !== 'true';
    play.setAttribute('aria-pressed', String(on));
    play.textContent = on ? 'Stop all videos' : 'Play all videos';
    for (const video of document.querySelectorAll('video')) {
      if (on) video.play().catch(() => {});
      else video.pause();
    }
  });
}
