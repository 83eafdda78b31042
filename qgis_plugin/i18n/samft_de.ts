<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
    <context>
        <name>Bundle</name>
        <message>
            <location filename="../core/bundle.py" />
            <source>Cannot tell whether it fits: the layer has no CRS, or none on the Earth.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Does not fit: the model looks at band {}, and the layer has {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Fits: pixels of {} m, the model's are {} m.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Fits: pixels of {} m, {} times finer than the model's {} m, will be averaged.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Fits: the layer will be rendered at the model's {} m.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Pixels of {} m are {} times coarser than the model's {} m; expect worse outlines.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>adapters of {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>all of {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>expected a bundle of format {}, got format {} in {}; use a plugin and a toolkit of its release</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>expected a bundle's card in {}, got something else ({}); copy the bundle again</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>expected a bundle, a folder with {}, got {}; choose the bundle folder of a training run</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>mask decoder of {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>no folder {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>val F1 {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>val IoU {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>{} m pixels</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Choices</name>
        <message>
            <location filename="../gui/choices.py" />
            <source>Footprints of {}, {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>Replace {}?</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>expected a model, got none; browse for a bundle, the folder that training leaves</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>expected a raster layer, got none; add one to the project</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>expected a raster, got {}, which QGIS cannot read; check its file</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Corrections</name>
        <message>
            <location filename="../core/corrections.py" />
            <source>expected footprints in layer {}, got none; accept or draw some buildings first</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Dock</name>
        <message>
            <location filename="../gui/dock.py" />
            <source>Cancel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Find buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Footprints go to</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Image and model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Improve the model...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Outlines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Raster</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Ready.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Stop and keep what is there</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Train a better model from footprints that you have checked and corrected.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>samft: building footprints</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Edit</name>
        <message>
            <location filename="../core/edit.py" />
            <source>expected a layer that can be edited, got {}, which is read-only; choose another</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/edit.py" />
            <source>expected {} to take footprints, got: {}; choose another</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Evaluate</name>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Bundle</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Chips folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Device</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Evaluate</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>F1 of buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>F1 of outlines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>F1 of pixels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>HTML files (*.html)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>IoU of pixels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Precision of buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Recall of buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Report</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Scores</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Scores a bundle on a split of a chips folder.

Pixel scores are pooled over all pixels whose truth is known. A building is right if it has an IoU of at least 0.5 with a true one (the SpaceNet metric). An outline is right where a true one lies within 1 m.

The report shows curves, and panels of truth, probability and mask.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Scores a bundle on chips that it has not learned from.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Split</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>auto (a GPU where there is one), cpu, cuda, cuda:1 or mps.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>buildings,accuracy,iou,f1,validation,sam</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Extent</name>
        <message>
            <location filename="../core/extent.py" />
            <source>expected a layer with a CRS, got {} without one; set it in the layer's properties, Source</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/extent.py" />
            <source>expected an area to look in, got an empty one; draw it again</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/extent.py" />
            <source>expected an extent that touches the layer {}, got one that lies off it; zoom to the layer</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/extent.py" />
            <source>expected an extent with some area, got an empty one; draw it again, or zoom the map</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>FetchModel</name>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>A profile of the AWS configuration.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>As Submit training to SageMaker gave it.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Brings the model of a SageMaker job that is done to this computer.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Brings the model of a training job that is done to this computer: a folder with the bundle, which Segment raster takes, and the report.

A job that is still running is told so; ask again later. A download that was cut off is gone on with.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Bundle</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>F1 of buildings on the val chips</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Fetch trained model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Folder of the model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>IoU of pixels on the val chips</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Name of the job</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Profile</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Region</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Replace an older model (overwrite)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Report</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>SageMaker</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>That of the AWS configuration if empty.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Threshold</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>aws,cloud,download,bundle,sam</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>FootprintLayer</name>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>Building footprints in {}, found by samft {} with bundle {} at threshold {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>expected to create {}, got: {}; choose another file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>expected to open {}, got a file QGIS cannot read; choose another file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>score below {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>score {} to {}</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Footprints</name>
        <message>
            <location filename="../core/footprints.py" />
            <source>expected footprints in {}, got a file QGIS cannot read; run it again</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/footprints.py" />
            <source>expected footprints that have a place in {}, got: {}; choose another layer</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>ImproveDialog</name>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Cancel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Cancelled. Started again with the same output folder, training goes on from its last snapshot.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Improve again</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Improve the model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Start</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>The improved bundle is there: open Improve the model to see its scores.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>This window can be closed: the work goes on, and the task manager shows how far it is.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Use the new one</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>expected to copy the bundle to {}, got: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>starting the toolkit</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>stopping</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>ImproveForm</name>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Bundle to improve</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Checked area</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Checked footprints</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Epochs</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Image</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>On Amazon SageMaker, which costs money</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>On this computer</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Output folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Place on S3</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Profile</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Region</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Role</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>SageMaker</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Train</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Train a better model from what you have corrected. Delete the footprints that are wrong, mend those that are crooked and draw those that are missing, with QGIS's own tools. Within the checked area the footprints then count as the buildings, all of them and no others; the rest of the image is ignored.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Type of machine</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>What the map shows now</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>a bundle</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>an output folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected a layer of footprints, got none; segment the image first</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected a raster layer, got none; load the image first</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected s3://BUCKET/PREFIX and a role, got {} and {}; give both</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected {}, got none; choose a folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>half of the first training's</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>none</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>that of the AWS configuration</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>ImproveResult</name>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>&lt;b&gt;Job {job} is submitted.&lt;/b&gt;&lt;p&gt;When it is done, the Processing algorithm &lt;i&gt;Fetch trained model&lt;/i&gt; brings its bundle here (name of the job: {job}), and &lt;i&gt;Evaluate&lt;/i&gt; scores it and the old one on the chips in {chips}.&lt;/p&gt;</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>F1 of buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>F1 of outlines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>IoU of pixels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>New</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Old</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Reports: {}, {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Scores on {} chips of the checked area that neither training nor its choices saw.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Scores on {} val chips, which the new bundle's threshold was chosen on, since the checked area is too small for test chips; they favour the new one.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>The new bundle is better.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>The new bundle is no better.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>new</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>old</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>ImproveTask</name>
        <message>
            <location filename="../tasks/improve.py" />
            <source>Improve {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../tasks/improve.py" />
            <source>expected a new folder, got {}, which holds an improved bundle; choose another</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../tasks/improve.py" />
            <source>expected to improve the bundle, got {!r}; see the log</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>LayerFiles</name>
        <message>
            <location filename="../core/layer_files.py" />
            <source>expected a CRS of layer {}, got none; set it in the layer's properties</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/layer_files.py" />
            <source>expected a raster file, got layer {} of type {}; export it to a GeoTIFF first</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/layer_files.py" />
            <source>expected to write {}, got: {}; see whether the disk is full</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>MapGrid</name>
        <message>
            <location filename="../core/map_grid.py" />
            <source>expected an extent on the Earth, got ({:g}, {:g}) in {}; zoom to the layer</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Messages</name>
        <message>
            <location filename="../gui/messages.py" />
            <source>Set up the toolkit...</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>ModelBox</name>
        <message>
            <location filename="../gui/model_box.py" />
            <source>A bundle, as training leaves it</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/model_box.py" />
            <source>Browse...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/model_box.py" />
            <source>Choose a bundle, the folder that training leaves, RUN/bundle.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/model_box.py" />
            <source>No model yet: browse for a bundle, or choose a folder of them in the settings.</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Models</name>
        <message>
            <location filename="../processing/models.py" />
            <source>expected settings such as learning_rate=0.0001, one a line, got {}; correct the line</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Network</name>
        <message>
            <location filename="../core/network.py" />
            <source>its server answers {}</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>OutlineBox</name>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>A pixel is building where its probability is not below. Higher: fewer, surer footprints.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>As the model says</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Smaller footprints are left out.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Smallest area</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Square corners</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Straighten and square outlines where the building stays what it is.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>The threshold and smallest area that suited the model best when it was trained.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Threshold</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>PrepareChips</name>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Bands</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Building polygons</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Checked area</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chip size (pixels)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips for testing</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips for validation</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips to learn from</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Cuts labelled raster layers into chips that a model learns from.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Cuts raster layers and the buildings outlined in them into chips at one resolution, and divides these into train, val and test by blocks of ground.

Building polygons may be in any CRS. They must be complete: what is not outlined counts as no building. Where they are complete in a part of the image only, give that part as the checked area.

The folder holds an image and a mask per chip and is what Train on this computer, Submit training and Evaluate take.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>For images that do not say themselves where they know nothing.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Images</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>In steps of 16. SAM sees a chip enlarged to 1024: smaller chips give finer outlines.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Number of chips</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>One or three band numbers, such as 3,2,1; the first three if empty.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Prepare training chips</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Replace older chips (overwrite)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Resolution (metres per pixel)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Seed of the division</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>The coarsest image's if empty, but not below 0.3 m.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Training</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Value that means no data</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Where the building polygons are complete; the rest is ignored. All of the images if empty.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>buildings,labels,tiles,dataset,training,deep learning,sam</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>expected layers that QGIS can read under {}, got {}; check their sources</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>none</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>PrepareTask</name>
        <message>
            <location filename="../tasks/prepare.py" />
            <source>Picture of {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../tasks/prepare.py" />
            <source>expected a picture of the layer, got {}; see the log</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Prompting</name>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Added: score {:.2f}, {:.0f} m². Ctrl+Z takes it back.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Asking the model...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Loading the model...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Rendering the map...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Score {:.2f}, {:.0f} m². Enter or a double click keeps it.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>That building is there already.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>The model sees no building here.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>The model sees no building there.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>The model sees no building there; nothing was added.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>expected a place on the layer, got one that its CRS does not reach; zoom to the layer</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>samft: a building in {}</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>RasterSource</name>
        <message>
            <location filename="../core/raster_source.py" />
            <source>expected a raster that can be read, {}, got: {}; check the file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/raster_source.py" />
            <source>expected a raster, got no file {}; check the path</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/raster_source.py" />
            <source>expected an area of up to {:.0f} million pixels of {:g} m to render {}, got {} x {} ({:,.1f} x {:,.1f} km); zoom in, or draw a smaller area</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Rendering</name>
        <message>
            <location filename="../core/rendering.py" />
            <source>expected a picture of {}, got empty ground{}; zoom to where the layer has one</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/rendering.py" />
            <source>expected a picture of {}, got from its server: {}; check the connection, or try again later</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/rendering.py" />
            <source>expected to write {}, got: {}; free some disk space</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Score</name>
        <message>
            <location filename="../processing/score.py" />
            <source>A page with the scores, a curve, and the places where they are worst.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Buildings that are missed</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>F1 of buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>F1 of outlines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Footprints</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Footprints that are right</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Footprints that are wrong</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>HTML files (*.html)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Holds any layer of footprints against any layer of true buildings, whatever their CRS.

A footprint is right if it has an IoU of at least 0.5 with a building that no other footprint has taken (the SpaceNet metric). An outline is right where a true one lies within 1 m. Where footprints have the attribute score, those with a higher one choose first.

Only what is selected, filtered or edited counts, as QGIS shows it.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Holds footprints against labels, building by building.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Labels</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Mean F1 over IoU 0.5 to 0.95</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Precision of buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Precision of outlines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Recall of buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Recall of outlines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Report</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Score footprints</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Scores</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>buildings,accuracy,iou,f1,compare,quality</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>SegmentRaster</name>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Bundle</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Extent</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Finds the buildings in a raster layer with a bundle that samft has trained, and gives their footprints in the raster's CRS.

Bundle: the folder that samft train leaves, RUN/bundle.
Extent: look only in here. Probabilities are those of the whole raster; outlines are cut at the extent.
Threshold: a pixel is building where its probability is not below; the bundle's own if empty.

Every footprint has a score (its mean probability), its geodesic area in m2, the bundle's hash and the threshold.

The work is done by the samft toolkit, installed in a Python of its own, in a process beside QGIS.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Finds the buildings in a raster layer with a trained samft bundle.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Footprints</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Raster</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Segment raster</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Threshold</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>buildings,footprints,segmentation,extract,segment anything,deep learning,sam</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>expected a raster file, got a layer of type {}; export it to a GeoTIFF first</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>expected footprints in {}, got a file QGIS cannot read; run it again</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>{} footprints</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>SegmentTask</name>
        <message>
            <location filename="../tasks/segment.py" />
            <source>Buildings in {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../tasks/segment.py" />
            <source>expected to find buildings, got {}; see the log</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Segmenting</name>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Cancelled.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>No new footprints. A lower threshold finds more.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Not all of the extent was looked at.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Starting...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Stopping...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>The latest footprints are saved or undone and stay as they are.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>cancelled in the task manager</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>drawing outlines</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>finding buildings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>loading the model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>rendering the map</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>samft: buildings in {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} The footprints are in a new temporary layer.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} footprints in {}. Ctrl+Z takes them back; save the layer's edits to keep them.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} footprints.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} were there already.</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>SettingsPage</name>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Empty: look for it</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Find</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Folder of bundles</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>It works: samft {} on Python {}, torch {}. Models run on: {}.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Look for samft toolkits</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Looking...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Models</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Models in this folder, and in the runs in it, can be chosen in the panel.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>No toolkit found. Choose its samft command by hand, or set the toolkit up.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Not tested yet.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Not tested yet: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Open log</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Set up the toolkit...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Test</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Test the samft toolkit</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Testing {}; the first time takes a minute or two...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>The samft command of an installed toolkit, such as .venv/bin/samft.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Toolkit</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>samft command</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>samft {}: {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>{} found; choose one, then test it.</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>SetupDialog</name>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Browse...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Cancel</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Cancelled; nothing was left behind.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Choose a Python</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Installing; this may take many minutes...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>It works; {} is chosen.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Look for Pythons</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Looking at the Python...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Makes a virtual environment and installs samft and what it needs in it, torch above all: 1 to 5 GB. QGIS's own Python is left alone. QGIS's proxy settings are used.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Making the virtual environment...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>No Python found; install one from python.org or your system's packages.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Open log</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Options</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Packages from</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Python 3.10 or newer</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Set up</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Set up the samft toolkit</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Test the samft toolkit</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Testing; the first time takes a minute or two...</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>a folder of wheels, without the Internet</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>for training on Amazon SageMaker</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>step {} of {}</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>the Python package index ({})</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>torch without CUDA (a tenth of the download; from {})</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>SubmitTraining</name>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>A Hugging Face SamModel to start from instead, such as samft export writes.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>A profile of the AWS configuration.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Chips folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Dry run: send nothing, only describe it</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Folder of another model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Further settings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Longest time that is paid for (hours)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Model, machine and settings for a size of model; all others win over them.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Name of the job</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>On Spot, which is cheaper and may be interrupted</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>One key=value a line, such as epochs=20, learning_rate=0.0001 or batch_size=8.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Place on S3</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Preset</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Profile</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Region</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Role (ARN)</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>SageMaker</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Sends a chips folder to S3 and starts a training job on Amazon SageMaker, which costs money. A dry run, which is the default, sends nothing: it shows the request, the uploads and the longest time that is paid for.

Credentials are those of the AWS configuration (a profile, or environment variables); the toolkit needs its extra aws. The job's name is what Fetch trained model takes.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Sends chips to AWS and starts a training job there. It costs money.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Submit training to SageMaker</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Such as ml.g5.xlarge, which is the default; the preset's if empty.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>That of the AWS configuration if empty.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>The preset's, or 24, if empty.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>The role that the job runs as.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Type of machine</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>What a dry run would ask for, as JSON</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>What training starts from; the preset's, or facebook/sam-vit-base, by default.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>buildings,aws,cloud,gpu,training,deep learning,sam</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>s3://BUCKET/PREFIX, for chips, code, checkpoints and models.</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Target</name>
        <message>
            <location filename="../core/target.py" />
            <source>expected a file ending in .gpkg, got {}; choose another name</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a file for footprints, got none; choose one</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a folder to write in, got {}; choose another file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a folder {}, got none; choose another file</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer for footprints, got none; choose one</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer that QGIS can read, got {}; choose another</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer that can be edited, got {}, which is read-only; choose another</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer with a CRS, got {} without one; set it in its properties</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a new file, got {}, which exists; choose another name</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a new file, got {}, which is open here; choose its layer instead</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a polygon layer, got {}; choose another</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected the layer that was chosen for footprints, got none: it was removed</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>TargetBox</name>
        <message>
            <location filename="../gui/target_box.py" />
            <source>A new GeoPackage for footprints</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>GeoPackage</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>Layer of this project</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>New GeoPackage</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>New temporary layer</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Train</name>
        <message>
            <location filename="../processing/train.py" />
            <source>A Hugging Face SamModel to start from instead, such as samft export writes.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Bundle</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Chips folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Device</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Epochs</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>F1 of buildings on the val chips</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Fine-tunes a Segment Anything Model on a chips folder.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Fine-tunes a Segment Anything Model on a folder that Prepare training chips has made. The bundle it leaves is what Segment raster takes.

Models of the hub are downloaded once. samft-tiny is a small model that learns from nothing, in minutes without a GPU, for trying things out; facebook/sam-vit-base wants a GPU, or hours.

A run that was cancelled or interrupted goes on where it was when it is started again with the same settings and the same run folder. Its page, report.html, can be looked at while it lasts.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Folder of another model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Further settings</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>IoU of pixels on the val chips</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Model</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>One key=value a line, such as train=lora, learning_rate=0.0001 or batch_size=8.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Passes over the training chips; the preset's or the model's own number if empty.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Preset</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Report</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Run folder</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Settings for a kind of machine; epochs and further settings win over them.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Threshold</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Train on this computer</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Training</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>What training starts from.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>auto (a GPU where there is one), cpu, cuda, cuda:1 or mps.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>buildings,fine-tune,training,deep learning,segment anything,sam</source>
            <translation type="unfinished" />
        </message>
    </context>
    <context>
        <name>Window</name>
        <message>
            <location filename="../gui/window.py" />
            <source>Drag a box around one building to outline it.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Find all buildings in an area: drag a rectangle, or click corners and end with a double click.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Find all buildings in what the map shows.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Prompt by box</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Prompt by points</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Rest on a building to see its outline. Left: on it, right: off it, Enter keeps, Escape clears.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Segment drawn area</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Segment visible extent</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Show or hide the panel of samft.</source>
            <translation type="unfinished" />
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>samft panel</source>
            <translation type="unfinished" />
        </message>
    </context>
</TS>
