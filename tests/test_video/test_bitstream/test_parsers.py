"""Types of pictures from hand-made headers."""

from ssvrl_mm.video.bitstream.parsers import MPEG4Pictures


def test_plane_that_is_not_coded():
    # Video object layer with 25 ticks a second (5 bits of time), then planes of type P.
    def layer(bits):
        bits += '0' * (-len(bits) % 8)
        return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))

    header = b'\0\0\1\x20' + layer(
        '0' + '00000001' + '0' + '0001' + '0' + '00' + '1' + f'{25:016b}'
    )
    parse = MPEG4Pictures(header)
    skipped = b'\0\0\1\xb6' + layer('01' + '0' + '1' + '00011' + '1' + '0')
    coded = b'\0\0\1\xb6' + layer('01' + '0' + '1' + '00011' + '1' + '1')
    late = b'\0\0\1\xb6' + layer('10' + '1110' + '1' + '00011' + '1' + '1')

    def kinds(data):
        return ''.join(picture.kind for picture in parse(data))

    assert kinds(skipped) == '' and kinds(coded) == 'P' and kinds(late) == 'B'
    assert kinds(coded + b'\x55' * 40 + late) == 'PB'
    assert parse(b'\x7f') == []
