// The page of ssvrl_mm.viewer: everything shown is text or a picture of the server's, never markup.

const $ = (id) => document.getElementById(id);
const state = { server: null, video: null, opening: 0, shown: -1, wanted: -1, busy: false, playing: false, own: [] };
const TURNS = 5;
const COLOURS = { I: '--i', P: '--p', B: '--b', '?': '--unknown' };

// ---- the server

const waited = (seconds) => new Promise((done) => setTimeout(done, 1000 * seconds));

async function ask(path, query = {}, options = {}) {
  for (let turn = 1; ; turn += 1) {
    let answer, data;
    try {
      answer = await fetch(`${path}?${new URLSearchParams(query)}`, options);
      data = await answer.json();
    } catch {
      throw new Error('The server does not answer: is it still running?');
    }
    if (answer.ok) return data;
    // 503: too much at once, which passes.
    if (answer.status !== 503 || turn === TURNS) throw new Error(data.error);
    await waited(turn);
  }
}

// What is said of a frame goes with the next one; a refused upload is told while others come.
function say(text, ofFrame = false) {
  state.saidOfFrame = ofFrame;
  $('message').textContent = text;
  $('message').hidden = !text;
}

async function trying(work) {
  try {
    say('');
    return await work();
  } catch (error) {
    stop();
    say(error.message);
    return null;
  }
}

// ---- the list

function listVideos() {
  const word = $('filter').value.toLowerCase();
  const names = state.server.videos.filter((name) => name.toLowerCase().includes(word));
  const shown = names.slice(0, 300);
  const listed = [...state.own, ...shown.map((name) => ({ id: `folder/${name}`, name }))];
  $('videos').replaceChildren(...listed.map(({ id, name }) => {
    const button = document.createElement('button');
    button.textContent = name;
    button.title = name;
    button.className = id.split('/')[0];
    button.setAttribute('aria-current', state.video?.id === id);
    button.onclick = () => openVideo(id);
    const item = document.createElement('li');
    item.append(button);
    return item;
  }));
  const all = state.server.videos.length;
  const some = shown.length < all ? `${shown.length} of ${all}` : `${all}`;
  $('count').textContent = `${some} video${all === 1 ? '' : 's'}`;
}

// ---- uploads

function megabytes(bytes) { return `${+(bytes / 2 ** 20).toPrecision(3)} MB`; }

async function upload(file) {
  if (!file) return;
  await trying(async () => {
    // The server refuses it, too, but a browser does not listen before it has sent all.
    if (file.size > state.server.uploadBytes) {
      throw new Error(`${file.name} has ${megabytes(file.size)}; the most that is taken is `
        + `${megabytes(state.server.uploadBytes)}.`);
    }
    $('drop').classList.add('busy');
    try {
      const options = { method: 'POST', body: file, headers: { 'Content-Type': 'application/octet-stream' } };
      const kept = await ask('api/upload', { name: file.name }, options);
      state.own.unshift(kept);
      await openVideo(kept.id);
    } finally {
      $('drop').classList.remove('busy');
      $('file').value = '';
    }
  });
}

// ---- a video

// Returns whether it is shown.
async function openVideo(id) {
  stop();
  // Who clicks a second video while the first is opened gets the second.
  const number = state.opening += 1;
  return trying(async () => {
    let video;
    try {
      video = await ask('api/video', { video: id });
    } catch (error) {
      if (number === state.opening) throw error;
    }
    if (number !== state.opening) return false;
    Object.assign(state, { video, shown: -1, wanted: -1 });
    $('empty').hidden = true;
    $('main').hidden = false;
    $('name').textContent = video.name;
    const rate = `${+video.fps.toFixed(2)} fps`;
    const facts = [video.codec.toUpperCase(), video.container, `${video.width} × ${video.height} px`,
      `${video.frames} frames`, rate, `${video.seconds.toFixed(1)} s`];
    if (video.missing) facts.push(`${video.missing} frames are missing: the file is truncated`);
    if (!video.exports) facts.push('its vectors are not to be had: motion is estimated');
    if (video.noMotion) facts.push(video.noMotion);
    $('facts').textContent = facts.join(' · ');
    $('slider').max = video.frames - 1;
    $('slider').value = 0;
    for (const figure of document.querySelectorAll('figure')) {
      figure.hidden = Boolean(video.noMotion) && figure.dataset.layer !== 'frame';
    }
    listVideos();
    drawStrip();
    if (matchMedia('(max-width: 800px)').matches) $('folder').open = false;
    search();
    for (const each of document.querySelectorAll('.type-untold')) {
      each.hidden = !video.kinds.includes('?');
    }
    // The first frame of most videos has no vectors, and nothing comes before it: there would be
    // little to see.
    const first = new URLSearchParams(location.hash.slice(1)).get('frame');
    const isNamed = id === hashVideo() && first !== null && Number(first) < video.frames;
    await goTo(isNamed ? Number(first) : 1 + video.kinds.slice(1).search(/[^I]/));
    return true;
  });
}

function hashVideo() { return new URLSearchParams(location.hash.slice(1)).get('video'); }

// Asks for one frame at a time: while the slider is dragged, those it has passed are not asked for.
async function goTo(number) {
  state.wanted = Math.min(Math.max(number, 0), state.video.frames - 1);
  $('slider').value = state.wanted;
  place();
  if (state.busy) return;
  state.busy = true;
  try {
    while (state.shown !== state.wanted) {
      const video = state.video, wanted = state.wanted;
      const query = { video: video.id, frame: wanted, full: $('full').value };
      const found = await ask('api/frame', query).catch((error) => error);
      if (video !== state.video) continue;
      if (found instanceof Error) {
        stop();
        say(found.message, true);
        break;
      }
      if (state.saidOfFrame) say('');
      await show(found, video);
    }
  } finally {
    state.busy = false;
  }
}

async function show(found, video) {
  const figures = [...document.querySelectorAll('figure')];
  // All at once, when all are decoded: no layer runs ahead of the others.
  const decoded = await Promise.all(figures.map(async (figure) => {
    const source = found.images[figure.dataset.layer];
    if (!source) return null;
    const image = new Image();
    image.src = source;
    await image.decode().catch(() => {});
    return source;
  }));
  if (video !== state.video) return;
  figures.forEach((figure, i) => { if (decoded[i]) figure.querySelector('img').src = decoded[i]; });
  state.shown = found.frame;
  document.body.dataset.frame = found.frame;
  document.body.dataset.origin = found.origin ?? '';
  describe(found);
  if (video.kinds[found.frame] === '?' && found.kind !== '?') {
    const { kinds } = video;
    video.kinds = kinds.slice(0, found.frame) + found.kind + kinds.slice(found.frame + 1);
    state.barsOf = '';
  }
  place();
  drawStrip();
  history.replaceState(null, '', `#${new URLSearchParams({ video: state.video.id, frame: found.frame })}`);
}

const ORIGINS = {
  coded: 'coded in this frame',
  held: 'held: those of another frame stand in',
  propagated: 'propagated from the next P-frame',
  estimated: 'estimated from the pixels',
  none: 'not known here',
};

function describe(found) {
  const said = (layer, text) => {
    document.querySelector(`figure[data-layer=${layer}] .said`).textContent = text;
  };
  const size = state.video.bytes[found.frame];
  said('frame', `${found.frame}, ${found.kind === '?' ? 'type not known' : `${found.kind}-frame`}, `
    + `${(size / 1000).toPrecision(3)} kB${found.lost ? ', LOST: another stands in' : ''}`);
  const sentence = $('sentence');
  const badge = document.createElement('span');
  badge.className = `badge ${found.kind === '?' ? '' : found.kind}`;
  badge.textContent = found.kind;
  let words = ` Frame ${found.frame}`;
  if (found.origin) {
    const share = `${Math.round(100 * found.coded)} %`;
    said('vectors', `${ORIGINS[found.origin]}; an arrow ends where the content is now`);
    said('colours', `strongest at ${found.full} px/frame; hatched: no vector stored`);
    said('residual', found.frame ? 'what motion does not explain: frame minus moved previous frame, × 3 around grey'
      : 'none: there is no frame before the first');
    said('origin', found.origin === 'coded' ? `vectors are stored for ${share} of the cells`
      : ORIGINS[found.origin]);
    words += { coded: ` stores vectors for ${share} of its cells.`,
      held: ' stores no vectors: motion is held.',
      propagated: ' is a B-frame whose own vectors cannot be read: motion is propagated.',
      estimated: ': motion is estimated from the pixels.',
      none: ': nothing is known of its motion.' }[found.origin];
    words += ` Median motion (${found.median.join(', ')}) px/frame: right and down are positive.`;
  } else {
    words += `: ${state.video.noMotion || 'no motion'}.`;
  }
  sentence.replaceChildren(badge, words);
}

function place() {
  const video = state.video;
  const seconds = (state.wanted / video.fps).toFixed(2);
  $('place').textContent = `${state.wanted} / ${video.frames - 1} · ${seconds} s`;
}

// ---- the strip of the GOPs

// Bars change with the video and the width alone, the mark with every frame.
function drawBars(width, height, ratio) {
  const { video } = state;
  const canvas = document.createElement('canvas');
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const paint = canvas.getContext('2d');
  paint.scale(ratio, ratio);
  const style = getComputedStyle(document.documentElement);
  const most = video.bytes.reduce((a, b) => Math.max(a, b), 1), step = width / video.frames;
  for (let n = 0; n < video.frames; n += 1) {
    // The root: P-frames are seen beside I-frames fifty times as large.
    const bar = Math.max(2, (height - 6) * Math.sqrt(video.bytes[n] / most));
    paint.fillStyle = style.getPropertyValue(COLOURS[video.kinds[n]] ?? '--unknown');
    paint.fillRect(n * step, height - bar, Math.max(step - (step > 4 ? 1 : 0), 0.5), bar);
  }
  return canvas;
}

function drawStrip() {
  const canvas = $('strip'), { video } = state;
  const width = canvas.clientWidth, height = canvas.clientHeight, ratio = devicePixelRatio || 1;
  if (!video || !width) return;
  const key = [video.id, width, height, ratio].join();
  if (state.barsOf !== key) Object.assign(state, { bars: drawBars(width, height, ratio), barsOf: key });
  canvas.width = width * ratio;
  canvas.height = height * ratio;
  const paint = canvas.getContext('2d');
  const step = canvas.width / video.frames, left = Math.max(state.wanted, 0) * step;
  const style = getComputedStyle(document.documentElement);
  paint.fillStyle = style.getPropertyValue('--line');
  paint.fillRect(left - 2, 0, Math.max(step, 1) + 4, canvas.height);
  paint.drawImage(state.bars, 0, 0);
  paint.fillStyle = style.getPropertyValue('--ink');
  paint.fillRect(left + step / 2 - ratio, 0, 2 * ratio, canvas.height);
}

// ---- near videos

async function search() {
  if (!state.server.search) return;
  const video = state.video;
  $('near').hidden = false;
  $('found').replaceChildren();
  $('near-said').textContent = 'looking …';
  try {
    const { near } = await ask('api/near', { video: video.id, streams: $('streams').value });
    if (video !== state.video) return;
    $('near-said').textContent = near.length
      ? 'by the cosine of their features: 1 is the same direction. Click one to open it.'
      : 'there is no other video in the folder';
    $('found').replaceChildren(...near.map(card));
  } catch (error) {
    if (video === state.video) $('near-said').textContent = error.message;
  }
}

function card(each) {
  const video = document.createElement('video');
  Object.assign(video, { muted: true, loop: true, autoplay: true, playsInline: true });
  const source = `preview?${new URLSearchParams({ video: each.id })}`;
  video.src = source;
  // A player does not tell why: the server may have been busy, which passes.
  let turn = 0;
  video.onerror = async () => {
    turn += 1;
    if (turn === TURNS) return;
    await waited(turn);
    if (video.isConnected) video.src = source;
  };
  const caption = document.createElement('span');
  caption.className = 'caption';
  caption.textContent = `${each.similarity.toFixed(3)}  ${each.name}`;
  const button = document.createElement('button');
  button.append(video, caption);
  button.onclick = () => { openVideo(each.id); scrollTo({ top: 0, behavior: 'smooth' }); };
  const item = document.createElement('li');
  item.append(button);
  return item;
}

// ---- playing

async function play() {
  if (state.playing) return stop();
  state.playing = true;
  $('play').textContent = 'Pause';
  if (state.wanted >= state.video.frames - 1) await goTo(0);
  while (state.playing && state.shown < state.video.frames - 1) {
    const began = performance.now();
    await goTo(state.shown + 1);
    if (state.shown !== state.wanted) break;
    const left = 1000 / state.video.fps - (performance.now() - began);
    await waited(Math.max(left, 0) / 1000);
  }
  stop();
}

function stop() {
  state.playing = false;
  $('play').textContent = 'Play';
}

// ---- what people do

$('file').onchange = () => upload($('file').files[0]);
$('filter').oninput = listVideos;
$('slider').oninput = () => { stop(); goTo(Number($('slider').value)); };
$('back').onclick = () => { stop(); goTo(state.wanted - 1); };
$('forward').onclick = () => { stop(); goTo(state.wanted + 1); };
$('play').onclick = play;
$('full').onchange = () => { state.shown = -1; goTo(state.wanted); };
$('streams').onchange = search;
$('strip').onclick = (event) => {
  const share = event.offsetX / $('strip').clientWidth;
  stop();
  goTo(Math.floor(share * state.video.frames));
};
addEventListener('keydown', (event) => {
  if (!state.video || ['INPUT', 'SELECT', 'BUTTON'].includes(event.target.tagName)) return;
  const does = { ArrowLeft: $('back').onclick, ArrowRight: $('forward').onclick, ' ': play }[event.key];
  if (does) { event.preventDefault(); does(); }
});
addEventListener('resize', drawStrip);
addEventListener('dragover', (event) => { event.preventDefault(); $('drop').classList.add('over'); });
addEventListener('dragleave', () => $('drop').classList.remove('over'));
addEventListener('drop', (event) => {
  event.preventDefault();
  $('drop').classList.remove('over');
  upload(event.dataTransfer.files[0]);
});

await trying(async () => {
  state.server = await ask('api/state');
  $('folder-name').textContent = state.server.folder;
  $('limit').textContent = `(up to ${megabytes(state.server.uploadBytes)})`;
  $('filter').hidden = state.server.videos.length < 12;
  listVideos();
  const found = state.server.search;
  if (found) {
    const one = found.streams.map((stream) => new Option(stream, stream));
    $('streams').replaceChildren(new Option(found.streams.join(' and '), ''), ...(one.length > 1 ? one : []));
    const left = found.leftOut ? `, ${found.leftOut} could not be read` : '';
    $('model').textContent = `by ${found.model}, among ${found.indexed}${left}`;
  }
  if (hashVideo()) return openVideo(hashVideo());
  // One that cannot be read hides no other.
  for (const name of state.server.videos.slice(0, TURNS)) {
    if (await openVideo(`folder/${name}`) !== null) break;
  }
});
document.body.dataset.ready = 'yes';
