/* Body of one level: define LEVEL_NAME, LEVEL_TABLE and a vector header, then include this. */
#include "template_macros.h"
#include "template_products.h"
#include "template_codes.h"
#include "template_unpack.h"
#include "template_rows.h"
#include "template_quantised.h"
#include "template_elementwise.h"
#include "template_stored.h"
#include "template_integers.h"
#include "template_int16.h"
#include "template_memory.h"
#include "template_dropout.h"
#include "template_attention_pages.h"
#include "template_attention.h"
#include "template_packing.h"
#include "template_blocks.h"
#include "template_heads.h"
#include "template_training.h"
#include "template_attention_backward.h"
#include "template_updates.h"

const gpt_kernels LEVEL_TABLE = {
    .name = LEVEL_NAME,
    .has_bf16_product = 0,
    .float_product = float_product,
    .rows_product = rows_product,
    .arrange_row = arrange_row,
    .widen_rows = widen_rows,
    .narrow_rows = narrow_rows,
    .bf16_product = 0,
    .bf16_half_product = 0,
    .bf16_rows_product = 0,
    .quantised_product = quantised_product,
    .stored_product = stored_product,
    .has_int16_product = HAS_INT16_PRODUCT,
    .int16_product = int16_product,
    .code_row_int16 = code_row_int16,
    .unpack_int16 = unpack_int16,
    .has_integer_product = 0,
    .integer_product = integer_product,
    .code_row = code_row,
    .pack_columns_int8 = pack_columns_int8,
    .pack_rows_int8 = pack_rows_int8,
    .unpack_f32 = unpack_f32,
    .unpack_bf16 = unpack_bf16,
    .widen_panel = widen_panel,
    .narrow_panel = narrow_panel,
    .attention = attention,
    .merge_attention = merge_attention,
    .quantise_row = quantise_row,
    .to_bf16 = to_bf16,
    .from_bf16 = from_bf16,
    .to_f16 = to_f16,
    .rms_norm = rms_norm,
    .layer_norm = layer_norm,
    .gelu_tanh = gelu_tanh,
    .silu_product = silu_product,
    .add = add_rows,
    .rotate = rotate,
    .pack_panel = pack_panel,
    .pack_blocks = pack_blocks,
    .pack_rows_bf16 = pack_rows_bf16,
    .pack_rows_f32 = pack_rows_f32,
    .pack_columns_bf16 = pack_columns_bf16,
    .pack_columns_f32 = pack_columns_f32,
    .interleave_bf16 = interleave_bf16,
    .transpose_bf16 = transpose_bf16,
    .gather_head = gather_head,
    .scatter_head = scatter_head,
    .head_dots = head_dots,
    .attention_backward = attention_backward,
    .add_column_sums = add_column_sums,
    .rms_norm_backward = rms_norm_backward,
    .layer_norm_backward = layer_norm_backward,
    .gelu_tanh_backward = gelu_tanh_backward,
    .silu_product_backward = silu_product_backward,
    .dropout = dropout,
    .cross_entropy = cross_entropy,
    .distillation = distillation,
    .adamw_update = adamw_update,
    .sgd_update = sgd_update,
    .lion_update = lion_update,
    .weighted_sum = weighted_sum,
    .sum_of_squares = sum_of_squares,
    .sum = sum_of,
};
