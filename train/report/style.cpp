#include "train/report/style.h"

namespace vicinity {

const char* const kReportStyle = R"css(
:root{color-scheme:light dark;--page:#f5f6f8;--card:#fff;--edge:#dfe3e8;--text:#1b2127;--soft:#56616d;--grid:#e8ebef;
--good:#08684a;--bad:#c2321c;--warn:#fff3d6;--warn-text:#6b4a00;--strong:#fff;
--c0:#1f5fd6;--c1:#c2410c;--c2:#0b7a55;--c3:#8b30c9;--c4:#b01657;--c5:#0e7490;--c6:#736000;--c7:#475569}
@media(prefers-color-scheme:dark){:root{--page:#0f1216;--card:#181c22;--edge:#2b323b;--text:#e7eaee;--soft:#a0aab5;
--grid:#262d36;--good:#3ecf9a;--bad:#ff7d66;--warn:#3a2f12;--warn-text:#ffd98a;--strong:#0f1216;
--c0:#7eb0ff;--c1:#ff9f63;--c2:#4fd6a5;--c3:#cb9dff;--c4:#ff8bb6;--c5:#62d2e8;--c6:#dcc65c;--c7:#b9c2cc}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
header,main,footer{max-width:1120px;margin:0 auto;padding:0 16px}
header{padding-top:28px}
h1{font-size:1.7rem;line-height:1.2;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:0 0 12px}
h2.run{font-size:1.4rem;margin:36px 0 0;overflow-wrap:anywhere}
h3{font-size:1rem;margin:0 0 4px}
header p,footer{color:var(--soft)}
header p{margin:0}
footer{padding-bottom:32px;font-size:.85rem}
nav{display:flex;flex-wrap:wrap;gap:6px;margin-top:16px}
nav a{padding:4px 12px;border:1px solid var(--edge);border-radius:99px;background:var(--card);color:inherit;text-decoration:none;font-size:.9rem}
nav a:hover,nav a:focus-visible{border-color:var(--c0);color:var(--c0)}
section{background:var(--card);border:1px solid var(--edge);border-radius:14px;padding:18px;margin:16px 0}
figure{position:relative;margin:0;min-width:0}
.charts{display:grid;gap:28px;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr))}
.pair{display:grid;gap:28px;grid-template-columns:repeat(auto-fit,minmax(min(100%,380px),1fr));align-items:start}
.charts>*,.pair>*{min-width:0}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:0 0 14px}
.fact{border:1px solid var(--edge);border-radius:10px;padding:10px 14px}
dt{color:var(--soft);font-size:.85rem}
dd{margin:0}
.fact b{display:block;font-size:1.5rem;line-height:1.25;font-variant-numeric:tabular-nums}
.fact span{color:var(--soft);font-size:.85rem}
.about{display:grid;grid-template-columns:max-content 1fr;gap:4px 14px;margin:0}
.about dd{overflow-wrap:anywhere;min-width:0}
.warn{background:var(--warn);color:var(--warn-text);border-radius:10px;padding:8px 12px;overflow-wrap:anywhere}
.none{color:var(--soft);overflow-wrap:anywhere}
svg{display:block;width:100%;height:auto}
svg text{font:12px system-ui,"Segoe UI",Roboto,"DejaVu Sans",sans-serif;fill:var(--soft);font-variant-numeric:tabular-nums}
.end{text-anchor:end}.mid{text-anchor:middle}
.grid{stroke:var(--grid)}.axis{stroke:var(--soft)}
path.steps,path.evals,path.expected{fill:none;stroke-width:1.6;stroke-linejoin:round;stroke-linecap:round}
path.evals{stroke-width:2.2}path.expected{stroke-dasharray:5 4}
.band{stroke:none;opacity:.16}
.c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.c3{stroke:var(--c3)}
.c4{stroke:var(--c4)}.c5{stroke:var(--c5)}.c6{stroke:var(--c6)}.c7{stroke:var(--c7)}
.c0.band,.c0.dot{fill:var(--c0)}.c1.band,.c1.dot{fill:var(--c1)}.c2.band,.c2.dot{fill:var(--c2)}.c3.band,.c3.dot{fill:var(--c3)}
.c4.band,.c4.dot{fill:var(--c4)}.c5.band,.c5.dot{fill:var(--c5)}.c6.band,.c6.dot{fill:var(--c6)}.c7.band,.c7.dot{fill:var(--c7)}
.key path{stroke-width:2.4}
.several .chart path.steps{stroke-width:1.1}.several .band{display:none}
path.bad{stroke:var(--bad);stroke-width:2;fill:none}
.cursor{stroke:var(--soft);stroke-dasharray:3 3}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:2px 16px;padding:0;margin:0 0 6px;font-size:.85rem}
.legend li{display:flex;align-items:center;gap:6px;overflow-wrap:anywhere;min-width:0}
.key{width:24px;flex:none}
.tip{position:absolute;top:0;margin:0;padding:6px 10px;border-radius:8px;background:var(--text);color:var(--page);font-size:.8rem;
line-height:1.35;pointer-events:none;white-space:pre-line;z-index:1;max-width:75%;font-variant-numeric:tabular-nums}
.wide{overflow-x:auto;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:.9rem;font-variant-numeric:tabular-nums}
caption{text-align:left;font-weight:600;padding-bottom:6px}
th,td{text-align:left;padding:5px 10px 5px 0;border-bottom:1px solid var(--edge);vertical-align:top;overflow-wrap:anywhere}
td:first-child{min-width:6.5em}
th{color:var(--soft);font-weight:500;white-space:nowrap}
.n{text-align:right;white-space:nowrap}
summary{cursor:pointer;color:var(--soft);font-size:.9rem;padding:6px 0}
summary:hover{color:var(--c0)}
.matrix{max-width:560px}
.matrix text{font-size:10.5px}
.sheet{fill:none;stroke:var(--edge)}
.matrix .right{fill:var(--good)}.matrix .wrong{fill:var(--bad)}
.s1{fill-opacity:.1}.s2{fill-opacity:.2}.s3{fill-opacity:.32}.s4{fill-opacity:.44}.s5{fill-opacity:.88}.s6{fill-opacity:.92}.s7{fill-opacity:.96}
.matrix .mid{fill:var(--text)}.matrix .strong{fill:var(--strong);font-weight:600}
.bars td{vertical-align:middle}.bars td:nth-child(2){width:34%;min-width:70px}
.bar,.stack{display:block;background:var(--grid);border-radius:5px;overflow:hidden}
.bar{height:12px}
.bar i{display:block;height:100%;background:var(--c0)}
.stack{display:flex;height:20px;margin:4px 0 14px}
.stack i{height:100%}
.swatch{display:inline-block;width:11px;height:11px;border-radius:3px;margin-right:7px}
.f0{background:var(--c1)}.f1{background:var(--c0)}.f2{background:var(--c3)}.f3{background:var(--c2)}.f4{background:var(--c7)}.f5{background:var(--c5)}.f6{background:var(--c6)}
.mistakes{list-style:none;padding:0;margin:0;display:grid;grid-template-columns:repeat(auto-fill,minmax(132px,1fr));gap:14px}
.mistakes li{border:1px solid var(--edge);border-radius:10px;padding:10px;min-width:0}
.mistakes img{display:block;margin:0 auto 8px;max-width:100%;height:auto;border-radius:6px;image-rendering:pixelated}
.mistakes p{margin:0;font-size:.88rem;overflow-wrap:anywhere}
.guess{color:var(--bad)}.truth{color:var(--good);font-weight:600}
.mistakes .file{color:var(--soft);font-size:.75rem}
.calibration{max-width:420px;margin:0 auto}
.calibration .accuracy{fill:var(--c0);fill-opacity:.55}.calibration .count{fill:var(--soft);fill-opacity:.55}
.confidence{stroke:var(--c1);stroke-width:2.4;fill:none}.diagonal{stroke:var(--soft);stroke-dasharray:4 4}
.swatch.accuracy{background:var(--c0)}.swatch.confidence{background:var(--c1)}
.settings td:first-child,.settings td:nth-child(2),pre,.file{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:.82rem}
.settings .wide{margin-top:18px}
pre{white-space:pre-wrap;overflow-wrap:anywhere;background:var(--page);border:1px solid var(--edge);border-radius:10px;padding:10px 12px;margin:0}
@media(max-width:520px){body{font-size:15px}section{padding:14px 12px;border-radius:12px}header,main,footer{padding-left:10px;padding-right:10px}
.mistakes{grid-template-columns:repeat(2,minmax(0,1fr));gap:8px}.bars td:nth-child(2){width:22%;min-width:44px}.fact b{font-size:1.25rem}
th,td{padding-right:7px}.facts{grid-template-columns:1fr 1fr;gap:8px}.fact{padding:8px 10px}.about{grid-template-columns:1fr;gap:0}.about dd{margin-bottom:6px}}
@media print{:root{color-scheme:light;--page:#fff}body{font-size:11px}section{border:0;padding:8px 0;break-inside:auto}figure,li,tr{break-inside:avoid}nav,summary{display:none}
*{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
)css";

const char* const kReportScript = R"js(
function tipOf(figure) {
  const tip = document.createElement('p');
  tip.className = 'tip';
  tip.hidden = true;
  figure.append(tip);
  return tip;
}
function place(tip, svg, event, text) {
  const figure = svg.closest('figure').getBoundingClientRect();
  tip.textContent = text;
  tip.hidden = false;
  const left = event.clientX - figure.left;
  tip.style.left = Math.max(0, left > figure.width / 2 ? left - tip.offsetWidth - 14 : left + 14) + 'px';
  tip.style.top = Math.max(0, event.clientY - figure.top - tip.offsetHeight - 8) + 'px';
}
for (const svg of document.querySelectorAll('svg.chart')) {
  const tip = tipOf(svg.closest('figure'));
  const lines = [...svg.querySelectorAll('path[data-x]')].map(path => ({
    name: path.dataset.name, x: path.dataset.x.split(' '), y: path.dataset.y.split(' '),
    at: [...path.getAttribute('d').matchAll(/[ML]([\d.-]+)/g)].map(match => +match[1])}));
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'line');
  cursor.setAttribute('class', 'cursor');
  svg.append(cursor);
  const hide = () => { tip.hidden = true; cursor.style.display = 'none'; };
  hide();
  svg.addEventListener('pointermove', event => {
    const box = svg.getBoundingClientRect(), view = svg.viewBox.baseVal;
    const x = (event.clientX - box.left) / box.width * view.width;
    const near = lines.map(line => {
      let best = 0;
      line.at.forEach((at, i) => { if (Math.abs(at - x) < Math.abs(line.at[best] - x)) best = i; });
      return {line, i: best, gap: Math.abs(line.at[best] - x)};
    });
    if (near.length === 0) return;
    const first = near.reduce((a, b) => b.gap < a.gap ? b : a);
    const at = first.line.at[first.i];
    cursor.style.display = '';
    cursor.setAttribute('x1', at);
    cursor.setAttribute('x2', at);
    cursor.setAttribute('y1', 10);
    cursor.setAttribute('y2', view.height - 30);
    const unit = svg.dataset.unit ? ' ' + svg.dataset.unit : '';
    place(tip, svg, event, ['epoch ' + first.line.x[first.i],
      ...near.map(n => n.line.name + ': ' + n.line.y[n.i] + unit)].join('\n'));
  });
  svg.addEventListener('pointerleave', hide);
}
for (const svg of document.querySelectorAll('svg.matrix')) {
  const tip = tipOf(svg.closest('figure')), names = svg.dataset.classes.split('\n');
  svg.addEventListener('pointermove', event => {
    const cell = event.target.dataset.n;
    if (!cell) { tip.hidden = true; return; }
    const [label, guess, count] = cell.split(' ').map(Number);
    place(tip, svg, event, label === guess ? names[label] + ': ' + count + ' right'
                                           : names[label] + '\ntaken for ' + names[guess] + ': ' + count);
  });
  svg.addEventListener('pointerleave', () => { tip.hidden = true; });
}
)js";

const char* const kReportScriptHash = "AkLfIYZRKnElkUvZSyrTg72f4Alk2UpCndrtuUbhprw=";

}  // namespace vicinity
