#!/usr/bin/env python3
"""Makes data/postal-code/postal.bin, the table that src/base/postal.c reads.

    tools/postal.py postcode-all.csv[.gz] localgovjp-utf8.csv 2026-08 data/postal-code/postal.bin

The first file has the columns postcode, prefecture_code, prefecture, prefecture_kana, city, city_kana,
town, town_kana, street, office_name, office_name_kana (kufu/jpostcode-data as CSV, from Japan Post's
KEN_ALL and JIGYOSYO), the second at least pref, city, lgcode (code4fukui/localgovjp).

The table, all numbers little-endian:

    "machipc1"                     8 bytes
    version                        8 bytes, "2026-08", zeros behind
    blocks                         u32
    for each block and once more:  u32 first code of the block (10,000,000 at the end), u32 its offset
    blocks, each deflated (zlib):  rows of up to 256 addresses, sorted by code; a code is never in two
                                   blocks. A row ends with a line feed, its 11 fields are separated by tabs:
                                   code, city code, prefecture, city, town, their kana, street, office,
                                   office kana. "=" stands for the field of the row before.
"""
import csv
import gzip
import re
import struct
import sys
import zlib

source, codes, version, target = sys.argv[1:5]
ROWS = 256


def check_digit(five):
    total = sum(int(c) * w for c, w in zip(five, (6, 5, 4, 3, 2)))
    return five + str((11 - total % 11) % 10)


city_codes = {}
with open(codes, encoding='utf-8-sig', newline='') as f:
    for row in csv.DictReader(f):
        city_codes[row['pref'], row['city'].replace(' ', '')] = row['lgcode']
# Newer than the list: the wards of 浜松市 since 2024-01-01.
for five, name in (('22138', '中央区'), ('22139', '浜名区'), ('22140', '天竜区')):
    city_codes['静岡県', '浜松市' + name] = check_digit(five)
# Spelt in another way there.
city_codes['福岡県', '須惠町'] = city_codes['福岡県', '須恵町']


def city_code(prefecture, city):
    for name in (city, re.sub(r'^.{1,4}?郡', '', city), re.sub(r'^.{1,3}?島', '', city)):
        if (prefecture, name) in city_codes:
            return city_codes[prefecture, name]
    print('no code:', prefecture, city, file=sys.stderr)
    return ''


rows = []
with (gzip.open if source.endswith('.gz') else open)(source, 'rt', encoding='utf-8-sig', newline='') as f:
    for r in csv.DictReader(f):
        row = (r['postcode'], city_code(r['prefecture'], r['city']), r['prefecture'], r['city'], r['town'],
               r['prefecture_kana'], r['city_kana'], r['town_kana'], r['street'], r['office_name'],
               r['office_name_kana'])
        assert re.fullmatch(r'\d{7}', row[0]) and not any(re.search(r'[\t\n]|^=$', v) for v in row), row
        rows.append(row)
rows.sort(key=lambda row: row[0])

blocks, start = [], 0
while start < len(rows):
    end = min(start + ROWS, len(rows))
    while end < len(rows) and rows[end][0] == rows[end - 1][0]:
        end += 1
    before, text = [''] * 11, ''
    for row in rows[start:end]:
        text += '\t'.join('=' if i and v and v == before[i] else v for i, v in enumerate(row)) + '\n'
        before = row
    blocks.append((int(rows[start][0]), zlib.compress(text.encode(), 9)))
    start = end

offset = 20 + 8 * (len(blocks) + 1)
with open(target, 'wb') as f:
    f.write(b'machipc1' + version.encode().ljust(8, b'\0') + struct.pack('<I', len(blocks)))
    for first, packed in blocks:
        f.write(struct.pack('<II', first, offset))
        offset += len(packed)
    f.write(struct.pack('<II', 10000000, offset))
    for first, packed in blocks:
        f.write(packed)
print(len(rows), 'addresses,', len(blocks), 'blocks,', offset, 'bytes')
