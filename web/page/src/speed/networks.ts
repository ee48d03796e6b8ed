/** The networks whose layers can be timed: the table that the command line has. */

import csv from '../../../../crates/cli/networks.csv?raw';
import type { Sizes } from '../engine/protocol';

export interface NetworkLayer {
  readonly name: string;
  readonly sizes: Sizes;
}

export interface Network {
  readonly name: string;
  readonly title: string;
  readonly layers: NetworkLayer[];
}

/** Those that are offered, by the names that people know. */
const TITLES: Record<string, string> = {
  'mobilenet_v2_1.0_224_tf': 'MobileNetV2',
  'mobilenet_v1_1.0_224_tf': 'MobileNetV1',
  'mobilenet_v3_large_224_tf': 'MobileNetV3 large',
  'mobilenet_v3_small_224_tf': 'MobileNetV3 small',
  'efficientnet_b0_224_tf': 'EfficientNet-B0',
  mobilenet_v4_conv_s_224_tf: 'MobileNetV4 small',
  mnasnet_a1_224_tf: 'MnasNet-A1',
  'convnext_tiny_224_torch': 'ConvNeXt-T',
  'shufflenet_v2_x1.0_224_torch': 'ShuffleNetV2',
};

export const NETWORKS: Network[] = parse();

function parse(): Network[] {
  const lines = csv.split('\n').filter((line) => line && !line.startsWith('#'));
  const names = (lines.shift() ?? '').split(',');
  const layers = lines.map((line) => {
    const cells = line.split(',');
    const cell = (name: string) => cells[names.indexOf(name)] ?? '';
    const size = (name: string) => Number(cell(name));
    const [height, width] = [size('h'), size('w')];
    const [kh, kw, sh, sw] = [size('kh'), size('kw'), size('sh'), size('sw')];
    const dilation = size('dil');
    const sizes: Sizes = {
      channels: size('c'),
      input: [height, width],
      kernel: [kh, kw],
      stride: [sh, sw],
      dilation: [dilation, dilation],
      padding: [size('pad_top'), size('pad_bottom'), size('pad_left'), size('pad_right')],
    };
    const stride = sh > 1 ? ` /${sh}` : '';
    return { net: cell('net'), name: `${size('c')} @ ${height}×${width} ${kh}×${kw}${stride}`, sizes };
  });
  return Object.entries(TITLES).map(([name, title]) => ({
    name,
    title,
    layers: layers.filter(({ net }) => net === name).map(({ name, sizes }) => ({ name, sizes })),
  }));
}
