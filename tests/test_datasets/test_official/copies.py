"""Writes tiny copies of the official datasets, in the layout and formats of the real ones."""

import json
import os
import sys
import zipfile

from tests.clips import encode, translating

# The capital S of the files but not of the folder is that of the real dataset.
UCF101_VIDEOS = [
    'ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi',
    'ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi',
    'ApplyEyeMakeup/v_ApplyEyeMakeup_g15_c01.avi',
    'HandstandPushups/v_HandStandPushups_g01_c01.avi',
    'HandstandPushups/v_HandStandPushups_g08_c01.avi',
    'HandstandPushups/v_HandStandPushups_g15_c01.avi',
]
# Three of the real names, and one with blanks.
HMDB51_SPLITS = {
    'cartwheel': {
        'Geena_und_die_Radschl_ge___;-)_cartwheel_f_cm_np1_fr_med_2.avi': '121',
        'turnles!!_cartwheel_f_cm_np1_ri_med_0.avi': '210',
        'rad & schlag 7.avi': '002',
    },
    'chew': {
        '#2_Gum_chew_h_nm_np1_fr_med_0.avi': '112',
        'Blowing_Bubbles!_chew_h_nm_np1_fr_goo_2.avi': '221',
        'plain.avi': '000',
    },
}
KINETICS = {
    'train': [
        ('riding a bike', '-abcdefghi1', 5, 15),
        ("surfing crowd (it's)", 'Abcdefghij2', 0, 10),
        ('riding a bike', 'abcdefghij2', 120, 130),
    ],
    'val': [
        ("surfing crowd (it's)", '_bcdefghij4', 7, 17),
        ('riding a bike', 'Vbcdefghij5', 1, 11),
    ],
}
STHV2_LABELS = {'Moving something up': '0', "Putting something into something's box": '1'}
STHV2 = {
    'train': [
        ('11', "Putting [something] into [something]'s box"),
        ('12', 'Moving [something] up'),
    ],
    'validation': [('21', 'Moving [something] up')],
    'test': [('31', None), ('32', None)],
}


def make_clip(folder):
    return encode(folder / 'clip.mp4', translating(6, 2, 1, height=32, width=48)).read_bytes()


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, str):
        path.write_text(content, encoding='utf-8')
    else:
        path.write_bytes(content)
    return path


def write_ucf101(root, clip):
    for path in UCF101_VIDEOS:
        write(root / 'videos' / path, clip)
    lists = root / 'annotations'
    # With CRLF, as the real files.
    write(lists / 'classInd.txt', '1 ApplyEyeMakeup\r\n2 HandstandPushups\r\n')
    for split, group in ((1, 'g01'), (2, 'g08'), (3, 'g15')):
        test = [path for path in UCF101_VIDEOS if group in path]
        train = [
            f'{path} {1 if path.startswith("Apply") else 2}'
            for path in UCF101_VIDEOS
            if group not in path
        ]
        write(lists / f'testlist0{split}.txt', '\r\n'.join(test) + '\r\n')
        write(lists / f'trainlist0{split}.txt', '\r\n'.join(train) + '\r\n')
    return root


def write_hmdb51(root, clip):
    for name, files in HMDB51_SPLITS.items():
        for file in files:
            write(root / 'videos' / name / file, clip)
        for split in range(3):
            # With the blank at the end of line that the real files have.
            lines = ''.join(f'{file} {codes[split]} \n' for file, codes in files.items())
            write(root / 'annotations' / f'{name}_test_split{split + 1}.txt', lines)
    return root


def write_kinetics400(root, clip):
    for side, rows in KINETICS.items():
        lines = ['label,youtube_id,time_start,time_end,split,is_cc\n']
        for label, youtube_id, start, end in rows:
            lines.append(f'{label},{youtube_id},{start},{end},{side},0\n')
            folder = label.replace(' ', '_').replace("'", '')
            name = f'{youtube_id}_{start:06d}_{end:06d}.mp4'
            write(root / 'videos' / side / folder / name, clip)
        write(root / 'annotations' / f'{side}.csv', ''.join(lines))
    return root


def write_sthv2(root, clip):
    write(root / 'annotations' / 'labels.json', json.dumps(STHV2_LABELS))
    for side, videos in STHV2.items():
        entries = [
            dict(id=i, template=template, label='moving x up') if template else dict(id=i)
            for i, template in videos
        ]
        write(root / 'annotations' / f'{side}.json', json.dumps(entries))
        for i, _ in videos:
            write(root / 'videos' / f'{i}.webm', clip)
    return root


def write_rar(path, files):
    """An archive that starts like RAR and that the ``unrar`` of ``install_unrar`` unpacks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, 'wb') as file:
        file.write(b'Rar!\x1a\x07\x00')
        with zipfile.ZipFile(file, 'w') as archive:
            for name, content in files.items():
                archive.writestr(name, content)
    return path


def install_unrar(folder, monkeypatch):
    """The program takes `unrar x -o+ -idq ARCHIVE FOLDER/` and notes its archives in a file."""
    calls = folder / 'calls.txt'
    script = f"""#!{sys.executable}
import sys, zipfile
command, *switches, archive, folder = sys.argv[1:]
assert command == 'x' and switches == ['-o+', '-idq'] and folder.endswith('/'), sys.argv
open({str(calls)!r}, 'a').write(archive + '\\n')
try:
    zipfile.ZipFile(archive).extractall(folder)
except zipfile.BadZipFile:
    sys.exit('Unexpected end of archive')
"""
    write(folder / 'unrar', script).chmod(0o755)
    monkeypatch.setenv('PATH', f'{folder}{os.pathsep}{os.environ["PATH"]}')
    return calls
