<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de" sourcelanguage="en">
    <context>
        <name>Bundle</name>
        <message>
            <location filename="../core/bundle.py" />
            <source>Cannot tell whether it fits: the layer has no CRS, or none on the Earth.</source>
            <translation>Ob es passt, ist nicht zu sagen: Der Layer hat kein KBS, oder keines auf der Erde.</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Does not fit: the model looks at band {}, and the layer has {}.</source>
            <translation>Passt nicht: Das Modell sieht Kanal {}, und der Layer hat {}.</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Fits: pixels of {} m, the model's are {} m.</source>
            <translation>Passt: Pixel von {} m, die des Modells haben {} m.</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Fits: pixels of {} m, {} times finer than the model's {} m, will be averaged.</source>
            <translation>Passt: Pixel von {} m, {}-mal feiner als die {} m des Modells, werden gemittelt.</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Fits: the layer will be rendered at the model's {} m.</source>
            <translation>Passt: Der Layer wird mit den {} m des Modells gezeichnet.</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>Pixels of {} m are {} times coarser than the model's {} m; expect worse outlines.</source>
            <translation>Pixel von {} m sind {}-mal gröber als die {} m des Modells; die Umrisse werden schlechter.</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>adapters of {}</source>
            <translation>Adapter von {}</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>all of {}</source>
            <translation>{} im Ganzen</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>expected a bundle of format {}, got format {} in {}; use a plugin and a toolkit of its release</source>
            <translation>erwartet: ein Bündel vom Format {}, gefunden: Format {} in {}; nehmen Sie Erweiterung und Werkzeug von dessen Ausgabe</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>expected a bundle's card in {}, got something else ({}); copy the bundle again</source>
            <translation>erwartet: die Karte eines Bündels in {}, gefunden: etwas anderes ({}); kopieren Sie das Bündel noch einmal</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>expected a bundle, a folder with {}, got {}; choose the bundle folder of a training run</source>
            <translation>erwartet: ein Bündel, ein Ordner mit {}, gefunden: {}; wählen Sie den Ordner bundle eines Trainings</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>mask decoder of {}</source>
            <translation>Maskendecoder von {}</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>no folder {}</source>
            <translation>keinen Ordner {}</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>val F1 {}</source>
            <translation>F1 (val) {}</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>val IoU {}</source>
            <translation>IoU (val) {}</translation>
        </message>
        <message>
            <location filename="../core/bundle.py" />
            <source>{} m pixels</source>
            <translation>Pixel von {} m</translation>
        </message>
    </context>
    <context>
        <name>Choices</name>
        <message>
            <location filename="../gui/choices.py" />
            <source>Footprints of {}, {}</source>
            <translation>Umrisse von {}, {}</translation>
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>Replace {}?</source>
            <translation>{} ersetzen?</translation>
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>expected a model, got none; browse for a bundle, the folder that training leaves</source>
            <translation>erwartet: ein Modell, gefunden: keines; suchen Sie ein Bündel, den Ordner, den das Training hinterlässt</translation>
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>expected a raster layer, got none; add one to the project</source>
            <translation>erwartet: ein Rasterlayer, gefunden: keiner; fügen Sie dem Projekt einen hinzu</translation>
        </message>
        <message>
            <location filename="../gui/choices.py" />
            <source>expected a raster, got {}, which QGIS cannot read; check its file</source>
            <translation>erwartet: ein Raster, gefunden: {}, was QGIS nicht lesen kann; prüfen Sie die Datei</translation>
        </message>
    </context>
    <context>
        <name>Corrections</name>
        <message>
            <location filename="../core/corrections.py" />
            <source>expected footprints in layer {}, got none; accept or draw some buildings first</source>
            <translation>erwartet: Umrisse im Layer {}, gefunden: keine; nehmen Sie erst Gebäude an, oder zeichnen Sie welche</translation>
        </message>
    </context>
    <context>
        <name>Dock</name>
        <message>
            <location filename="../gui/dock.py" />
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Find buildings</source>
            <translation>Gebäude finden</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Footprints go to</source>
            <translation>Umrisse kommen in</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Image and model</source>
            <translation>Bild und Modell</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Improve the model...</source>
            <translation>Modell verbessern...</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Model</source>
            <translation>Modell</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Outlines</source>
            <translation>Umrisse</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Raster</source>
            <translation>Raster</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Ready.</source>
            <translation>Bereit.</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Stop and keep what is there</source>
            <translation>Anhalten und Gefundenes behalten</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>Train a better model from footprints that you have checked and corrected.</source>
            <translation>Aus Umrissen, die Sie geprüft und verbessert haben, ein besseres Modell trainieren.</translation>
        </message>
        <message>
            <location filename="../gui/dock.py" />
            <source>samft: building footprints</source>
            <translation>samft: Gebäudeumrisse</translation>
        </message>
    </context>
    <context>
        <name>Edit</name>
        <message>
            <location filename="../core/edit.py" />
            <source>expected a layer that can be edited, got {}, which is read-only; choose another</source>
            <translation>erwartet: ein Layer zum Bearbeiten, gefunden: {}, der nur lesbar ist; wählen Sie einen anderen</translation>
        </message>
        <message>
            <location filename="../core/edit.py" />
            <source>expected {} to take footprints, got: {}; choose another</source>
            <translation>erwartet: {} nimmt Umrisse auf, gemeldet: {}; wählen Sie einen anderen</translation>
        </message>
    </context>
    <context>
        <name>Evaluate</name>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Bundle</source>
            <translation>Bündel</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Chips folder</source>
            <translation>Ordner der Kacheln</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Device</source>
            <translation>Gerät</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Evaluate</source>
            <translation>Bewerten</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>F1 of buildings</source>
            <translation>F1 der Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>F1 of outlines</source>
            <translation>F1 der Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>F1 of pixels</source>
            <translation>F1 der Pixel</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>HTML files (*.html)</source>
            <translation>HTML-Dateien (*.html)</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>IoU of pixels</source>
            <translation>IoU der Pixel</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Precision of buildings</source>
            <translation>Genauigkeit der Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Recall of buildings</source>
            <translation>Vollständigkeit der Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Report</source>
            <translation>Bericht</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Scores</source>
            <translation>Bewertung</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Scores a bundle on a split of a chips folder.

Pixel scores are pooled over all pixels whose truth is known. A building is right if it has an IoU of at least 0.5 with a true one (the SpaceNet metric). An outline is right where a true one lies within 1 m.

The report shows curves, and panels of truth, probability and mask.</source>
            <translation>Bewertet ein Bündel auf einem Teil eines Kachelordners.

Pixelwerte gelten für alle Pixel zusammen, deren Wahrheit bekannt ist. Ein Gebäude ist richtig, wenn es mit einem wahren eine IoU von mindestens 0,5 hat (das Maß von SpaceNet). Ein Umriss ist richtig, wo ein wahrer höchstens 1 m entfernt liegt.

Der Bericht zeigt Kurven, und Bilder von Wahrheit, Wahrscheinlichkeit und Maske.</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Scores a bundle on chips that it has not learned from.</source>
            <translation>Bewertet ein Bündel auf Kacheln, aus denen es nicht gelernt hat.</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>Split</source>
            <translation>Teil</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>auto (a GPU where there is one), cpu, cuda, cuda:1 or mps.</source>
            <translation>auto (eine GPU, wo es eine gibt), cpu, cuda, cuda:1 oder mps.</translation>
        </message>
        <message>
            <location filename="../processing/evaluate.py" />
            <source>buildings,accuracy,iou,f1,validation,sam</source>
            <translation>Gebäude,Genauigkeit,iou,f1,Bewertung,sam</translation>
        </message>
    </context>
    <context>
        <name>Extent</name>
        <message>
            <location filename="../core/extent.py" />
            <source>expected a layer with a CRS, got {} without one; set it in the layer's properties, Source</source>
            <translation>erwartet: ein Layer mit KBS, gefunden: {} ohne; setzen Sie es in den Eigenschaften des Layers, Quelle</translation>
        </message>
        <message>
            <location filename="../core/extent.py" />
            <source>expected an area to look in, got an empty one; draw it again</source>
            <translation>erwartet: eine Fläche, gefunden: eine leere; zeichnen Sie sie noch einmal</translation>
        </message>
        <message>
            <location filename="../core/extent.py" />
            <source>expected an extent that touches the layer {}, got one that lies off it; zoom to the layer</source>
            <translation>erwartet: ein Ausschnitt, der den Layer {} berührt, gefunden: einer daneben; zoomen Sie auf den Layer</translation>
        </message>
        <message>
            <location filename="../core/extent.py" />
            <source>expected an extent with some area, got an empty one; draw it again, or zoom the map</source>
            <translation>erwartet: ein Ausschnitt mit einer Fläche, gefunden: ein leerer; zeichnen Sie ihn noch einmal, oder zoomen Sie</translation>
        </message>
    </context>
    <context>
        <name>FetchModel</name>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>A profile of the AWS configuration.</source>
            <translation>Ein Profil der AWS-Konfiguration.</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>As Submit training to SageMaker gave it.</source>
            <translation>Wie ihn „Training an SageMaker geben“ genannt hat.</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Brings the model of a SageMaker job that is done to this computer.</source>
            <translation>Holt das Modell eines fertigen SageMaker-Auftrags auf diesen Rechner.</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Brings the model of a training job that is done to this computer: a folder with the bundle, which Segment raster takes, and the report.

A job that is still running is told so; ask again later. A download that was cut off is gone on with.</source>
            <translation>Holt das Modell eines fertigen Trainingsauftrags auf diesen Rechner: einen Ordner mit dem Bündel, das „Raster segmentieren“ nimmt, und dem Bericht.

Läuft ein Auftrag noch, wird das gesagt; fragen Sie später noch einmal. Ein abgebrochener Download geht weiter.</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Bundle</source>
            <translation>Bündel</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>F1 of buildings on the val chips</source>
            <translation>F1 der Gebäude auf den Kacheln val</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Fetch trained model</source>
            <translation>Trainiertes Modell holen</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Folder of the model</source>
            <translation>Ordner des Modells</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>IoU of pixels on the val chips</source>
            <translation>IoU der Pixel auf den Kacheln val</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Name of the job</source>
            <translation>Name des Auftrags</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Profile</source>
            <translation>Profil</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Region</source>
            <translation>Region</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Replace an older model (overwrite)</source>
            <translation>Ein älteres Modell ersetzen (überschreiben)</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Report</source>
            <translation>Bericht</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>SageMaker</source>
            <translation>SageMaker</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>That of the AWS configuration if empty.</source>
            <translation>Leer: die der AWS-Konfiguration.</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>Threshold</source>
            <translation>Schwelle</translation>
        </message>
        <message>
            <location filename="../processing/fetch_model.py" />
            <source>aws,cloud,download,bundle,sam</source>
            <translation>aws,Cloud,Download,Bündel,sam</translation>
        </message>
    </context>
    <context>
        <name>FootprintLayer</name>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>Building footprints in {}, found by samft {} with bundle {} at threshold {}.</source>
            <translation>Gebäudeumrisse in {}, gefunden von samft {} mit dem Bündel {} bei der Schwelle {}.</translation>
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>expected to create {}, got: {}; choose another file</source>
            <translation>erwartet: {} anzulegen, gemeldet: {}; wählen Sie eine andere Datei</translation>
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>expected to open {}, got a file QGIS cannot read; choose another file</source>
            <translation>erwartet: {} zu öffnen, gefunden: eine Datei, die QGIS nicht lesen kann; wählen Sie eine andere</translation>
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>score below {}</source>
            <translation>Wert unter {}</translation>
        </message>
        <message>
            <location filename="../core/footprint_layer.py" />
            <source>score {} to {}</source>
            <translation>Wert {} bis {}</translation>
        </message>
    </context>
    <context>
        <name>Footprints</name>
        <message>
            <location filename="../core/footprints.py" />
            <source>expected footprints in {}, got a file QGIS cannot read; run it again</source>
            <translation>erwartet: Umrisse in {}, gefunden: eine Datei, die QGIS nicht lesen kann; starten Sie noch einmal</translation>
        </message>
        <message>
            <location filename="../core/footprints.py" />
            <source>expected footprints that have a place in {}, got: {}; choose another layer</source>
            <translation>erwartet: Umrisse, die einen Platz in {} haben, gemeldet: {}; wählen Sie einen anderen Layer</translation>
        </message>
    </context>
    <context>
        <name>ImproveDialog</name>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Cancelled. Started again with the same output folder, training goes on from its last snapshot.</source>
            <translation>Abgebrochen. Mit demselben Ausgabeordner noch einmal gestartet, geht das Training vom letzten Stand aus weiter.</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Improve again</source>
            <translation>Noch einmal verbessern</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Improve the model</source>
            <translation>Modell verbessern</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Start</source>
            <translation>Starten</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>The improved bundle is there: open Improve the model to see its scores.</source>
            <translation>Das verbesserte Bündel ist da: „Modell verbessern“ zeigt seine Bewertung.</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>This window can be closed: the work goes on, and the task manager shows how far it is.</source>
            <translation>Dieses Fenster kann zu: Die Arbeit geht weiter, und die Aufgabenverwaltung zeigt, wie weit sie ist.</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>Use the new one</source>
            <translation>Das neue nehmen</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>expected to copy the bundle to {}, got: {}</source>
            <translation>erwartet: das Bündel nach {} zu kopieren, gemeldet: {}</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>starting the toolkit</source>
            <translation>Werkzeug wird gestartet</translation>
        </message>
        <message>
            <location filename="../gui/improve_dialog.py" />
            <source>stopping</source>
            <translation>wird angehalten</translation>
        </message>
    </context>
    <context>
        <name>ImproveForm</name>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Bundle to improve</source>
            <translation>Zu verbesserndes Bündel</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Checked area</source>
            <translation>Geprüfte Fläche</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Checked footprints</source>
            <translation>Geprüfte Umrisse</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Epochs</source>
            <translation>Epochen</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Image</source>
            <translation>Bild</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>On Amazon SageMaker, which costs money</source>
            <translation>Auf Amazon SageMaker, was Geld kostet</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>On this computer</source>
            <translation>Auf diesem Rechner</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Output folder</source>
            <translation>Ausgabeordner</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Place on S3</source>
            <translation>Ort auf S3</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Profile</source>
            <translation>Profil</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Region</source>
            <translation>Region</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Role</source>
            <translation>Rolle</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>SageMaker</source>
            <translation>SageMaker</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Train</source>
            <translation>Trainieren</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Train a better model from what you have corrected. Delete the footprints that are wrong, mend those that are crooked and draw those that are missing, with QGIS's own tools. Within the checked area the footprints then count as the buildings, all of them and no others; the rest of the image is ignored.</source>
            <translation>Trainieren Sie aus Ihren Verbesserungen ein besseres Modell. Löschen Sie falsche Umrisse, richten Sie schiefe und zeichnen Sie fehlende, mit den Werkzeugen von QGIS. In der geprüften Fläche gelten die Umrisse dann als die Gebäude, alle und keine anderen; der Rest des Bildes zählt nicht.</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>Type of machine</source>
            <translation>Art der Maschine</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>What the map shows now</source>
            <translation>Was die Karte jetzt zeigt</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>a bundle</source>
            <translation>ein Bündel</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>an output folder</source>
            <translation>ein Ausgabeordner</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected a layer of footprints, got none; segment the image first</source>
            <translation>erwartet: ein Layer mit Umrissen, gefunden: keiner; segmentieren Sie erst das Bild</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected a raster layer, got none; load the image first</source>
            <translation>erwartet: ein Rasterlayer, gefunden: keiner; laden Sie erst das Bild</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected s3://BUCKET/PREFIX and a role, got {} and {}; give both</source>
            <translation>erwartet: s3://BUCKET/PREFIX und eine Rolle, gefunden: {} und {}; geben Sie beides an</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>expected {}, got none; choose a folder</source>
            <translation>erwartet: {}, gefunden: nichts; wählen Sie einen Ordner</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>half of the first training's</source>
            <translation>die Hälfte der ersten</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>none</source>
            <translation>keine</translation>
        </message>
        <message>
            <location filename="../gui/improve_form.py" />
            <source>that of the AWS configuration</source>
            <translation>die der AWS-Konfiguration</translation>
        </message>
    </context>
    <context>
        <name>ImproveResult</name>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>&lt;b&gt;Job {job} is submitted.&lt;/b&gt;&lt;p&gt;When it is done, the Processing algorithm &lt;i&gt;Fetch trained model&lt;/i&gt; brings its bundle here (name of the job: {job}), and &lt;i&gt;Evaluate&lt;/i&gt; scores it and the old one on the chips in {chips}.&lt;/p&gt;</source>
            <translation>&lt;b&gt;Auftrag {job} ist abgegeben.&lt;/b&gt;&lt;p&gt;Wenn er fertig ist, holt der Verarbeitungsalgorithmus &lt;i&gt;Trainiertes Modell holen&lt;/i&gt; sein Bündel (Name des Auftrags: {job}), und &lt;i&gt;Bewerten&lt;/i&gt; misst es und das alte auf den Kacheln in {chips}.&lt;/p&gt;</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>F1 of buildings</source>
            <translation>F1 der Gebäude</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>F1 of outlines</source>
            <translation>F1 der Umrisse</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>IoU of pixels</source>
            <translation>IoU der Pixel</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>New</source>
            <translation>Neu</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Old</source>
            <translation>Alt</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Reports: {}, {}.</source>
            <translation>Berichte: {}, {}.</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Scores on {} chips of the checked area that neither training nor its choices saw.</source>
            <translation>Bewertet auf {} Kacheln der geprüften Fläche, die weder das Training noch seine Wahlen gesehen haben.</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>Scores on {} val chips, which the new bundle's threshold was chosen on, since the checked area is too small for test chips; they favour the new one.</source>
            <translation>Bewertet auf {} Kacheln val, auf denen die Schwelle des neuen Bündels gewählt wurde, da die geprüfte Fläche für Testkacheln zu klein ist; das begünstigt das neue.</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>The new bundle is better.</source>
            <translation>Das neue Bündel ist besser.</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>The new bundle is no better.</source>
            <translation>Das neue Bündel ist nicht besser.</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>new</source>
            <translation>neu</translation>
        </message>
        <message>
            <location filename="../gui/improve_result.py" />
            <source>old</source>
            <translation>alt</translation>
        </message>
    </context>
    <context>
        <name>ImproveTask</name>
        <message>
            <location filename="../tasks/improve.py" />
            <source>Improve {}</source>
            <translation>{} verbessern</translation>
        </message>
        <message>
            <location filename="../tasks/improve.py" />
            <source>expected a new folder, got {}, which holds an improved bundle; choose another</source>
            <translation>erwartet: ein neuer Ordner, gefunden: {}, der ein verbessertes Bündel enthält; wählen Sie einen anderen</translation>
        </message>
        <message>
            <location filename="../tasks/improve.py" />
            <source>expected to improve the bundle, got {!r}; see the log</source>
            <translation>erwartet: das Bündel zu verbessern, gemeldet: {!r}; siehe Protokoll</translation>
        </message>
    </context>
    <context>
        <name>LayerFiles</name>
        <message>
            <location filename="../core/layer_files.py" />
            <source>expected a CRS of layer {}, got none; set it in the layer's properties</source>
            <translation>erwartet: ein KBS des Layers {}, gefunden: keines; setzen Sie es in den Eigenschaften des Layers</translation>
        </message>
        <message>
            <location filename="../core/layer_files.py" />
            <source>expected a raster file, got layer {} of type {}; export it to a GeoTIFF first</source>
            <translation>erwartet: eine Rasterdatei, gefunden: Layer {} vom Typ {}; exportieren Sie ihn erst als GeoTIFF</translation>
        </message>
        <message>
            <location filename="../core/layer_files.py" />
            <source>expected to write {}, got: {}; see whether the disk is full</source>
            <translation>erwartet: {} zu schreiben, gemeldet: {}; sehen Sie nach, ob die Platte voll ist</translation>
        </message>
    </context>
    <context>
        <name>MapGrid</name>
        <message>
            <location filename="../core/map_grid.py" />
            <source>expected an extent on the Earth, got ({:g}, {:g}) in {}; zoom to the layer</source>
            <translation>erwartet: ein Ausschnitt auf der Erde, gefunden: ({:g}, {:g}) in {}; zoomen Sie auf den Layer</translation>
        </message>
    </context>
    <context>
        <name>Messages</name>
        <message>
            <location filename="../gui/messages.py" />
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <location filename="../gui/messages.py" />
            <source>Set up the toolkit...</source>
            <translation>Werkzeug einrichten...</translation>
        </message>
    </context>
    <context>
        <name>ModelBox</name>
        <message>
            <location filename="../gui/model_box.py" />
            <source>A bundle, as training leaves it</source>
            <translation>Ein Bündel, wie es das Training hinterlässt</translation>
        </message>
        <message>
            <location filename="../gui/model_box.py" />
            <source>Browse...</source>
            <translation>Durchsuchen...</translation>
        </message>
        <message>
            <location filename="../gui/model_box.py" />
            <source>Choose a bundle, the folder that training leaves, RUN/bundle.</source>
            <translation>Wählen Sie ein Bündel, den Ordner, den das Training hinterlässt: LAUF/bundle.</translation>
        </message>
        <message>
            <location filename="../gui/model_box.py" />
            <source>No model yet: browse for a bundle, or choose a folder of them in the settings.</source>
            <translation>Noch kein Modell: Suchen Sie ein Bündel, oder wählen Sie in den Einstellungen einen Ordner davon.</translation>
        </message>
    </context>
    <context>
        <name>Models</name>
        <message>
            <location filename="../processing/models.py" />
            <source>expected settings such as learning_rate=0.0001, one a line, got {}; correct the line</source>
            <translation>erwartet: Einstellungen wie learning_rate=0.0001, eine je Zeile, gefunden: {}; verbessern Sie die Zeile</translation>
        </message>
    </context>
    <context>
        <name>Network</name>
        <message>
            <location filename="../core/network.py" />
            <source>its server answers {}</source>
            <translation>sein Server antwortet {}</translation>
        </message>
    </context>
    <context>
        <name>OutlineBox</name>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>A pixel is building where its probability is not below. Higher: fewer, surer footprints.</source>
            <translation>Ein Pixel ist Gebäude, wo seine Wahrscheinlichkeit nicht darunter liegt. Höher: weniger, sicherere Umrisse.</translation>
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>As the model says</source>
            <translation>Wie das Modell sagt</translation>
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Smaller footprints are left out.</source>
            <translation>Kleinere Umrisse fallen weg.</translation>
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Smallest area</source>
            <translation>Kleinste Fläche</translation>
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Square corners</source>
            <translation>Rechte Winkel</translation>
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Straighten and square outlines where the building stays what it is.</source>
            <translation>Umrisse begradigen und rechtwinklig machen, wo das Gebäude bleibt, was es ist.</translation>
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>The threshold and smallest area that suited the model best when it was trained.</source>
            <translation>Schwelle und kleinste Fläche, die dem Modell beim Training am besten passten.</translation>
        </message>
        <message>
            <location filename="../gui/outline_box.py" />
            <source>Threshold</source>
            <translation>Schwelle</translation>
        </message>
    </context>
    <context>
        <name>PrepareChips</name>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Bands</source>
            <translation>Kanäle</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Building polygons</source>
            <translation>Gebäudepolygone</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Checked area</source>
            <translation>Geprüfte Fläche</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chip size (pixels)</source>
            <translation>Größe der Kacheln (Pixel)</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips folder</source>
            <translation>Ordner der Kacheln</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips for testing</source>
            <translation>Kacheln zum Testen</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips for validation</source>
            <translation>Kacheln zum Prüfen</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Chips to learn from</source>
            <translation>Kacheln zum Lernen</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Cuts labelled raster layers into chips that a model learns from.</source>
            <translation>Schneidet Rasterlayer mit bekannten Gebäuden in Kacheln, aus denen ein Modell lernt.</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Cuts raster layers and the buildings outlined in them into chips at one resolution, and divides these into train, val and test by blocks of ground.

Building polygons may be in any CRS. They must be complete: what is not outlined counts as no building. Where they are complete in a part of the image only, give that part as the checked area.

The folder holds an image and a mask per chip and is what Train on this computer, Submit training and Evaluate take.</source>
            <translation>Schneidet Rasterlayer und die darin umrissenen Gebäude in Kacheln einer Auflösung und teilt diese nach Blöcken des Bodens in train, val und test.

Die Gebäudepolygone dürfen jedes KBS haben. Sie müssen vollständig sein: Was nicht umrissen ist, gilt als kein Gebäude. Sind sie nur in einem Teil des Bildes vollständig, geben Sie diesen als geprüfte Fläche an.

Der Ordner enthält je Kachel ein Bild und eine Maske; ihn nehmen „Auf diesem Rechner trainieren“, „Training an SageMaker geben“ und „Bewerten“.</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>For images that do not say themselves where they know nothing.</source>
            <translation>Für Bilder, die nicht selbst sagen, wo sie nichts wissen.</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Images</source>
            <translation>Bilder</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>In steps of 16. SAM sees a chip enlarged to 1024: smaller chips give finer outlines.</source>
            <translation>In Schritten von 16. SAM sieht eine Kachel auf 1024 vergrößert: Kleinere Kacheln geben feinere Umrisse.</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Number of chips</source>
            <translation>Zahl der Kacheln</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>One or three band numbers, such as 3,2,1; the first three if empty.</source>
            <translation>Eine oder drei Kanalnummern, etwa 3,2,1; leer: die ersten drei.</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Prepare training chips</source>
            <translation>Trainingskacheln vorbereiten</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Replace older chips (overwrite)</source>
            <translation>Ältere Kacheln ersetzen (überschreiben)</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Resolution (metres per pixel)</source>
            <translation>Auflösung (Meter je Pixel)</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Seed of the division</source>
            <translation>Startzahl der Teilung</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>The coarsest image's if empty, but not below 0.3 m.</source>
            <translation>Leer: die des gröbsten Bildes, aber nicht unter 0,3 m.</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Training</source>
            <translation>Training</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Value that means no data</source>
            <translation>Wert, der keine Daten bedeutet</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>Where the building polygons are complete; the rest is ignored. All of the images if empty.</source>
            <translation>Wo die Gebäudepolygone vollständig sind; der Rest zählt nicht. Leer: die ganzen Bilder.</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>buildings,labels,tiles,dataset,training,deep learning,sam</source>
            <translation>Gebäude,Labels,Kacheln,Datensatz,Training,Deep Learning,sam</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>expected layers that QGIS can read under {}, got {}; check their sources</source>
            <translation>erwartet: Layer, die QGIS lesen kann, unter {}, gefunden: {}; prüfen Sie deren Quellen</translation>
        </message>
        <message>
            <location filename="../processing/prepare_chips.py" />
            <source>none</source>
            <translation>keine</translation>
        </message>
    </context>
    <context>
        <name>PrepareTask</name>
        <message>
            <location filename="../tasks/prepare.py" />
            <source>Picture of {}</source>
            <translation>Bild von {}</translation>
        </message>
        <message>
            <location filename="../tasks/prepare.py" />
            <source>expected a picture of the layer, got {}; see the log</source>
            <translation>erwartet: ein Bild des Layers, gemeldet: {}; siehe Protokoll</translation>
        </message>
    </context>
    <context>
        <name>Prompting</name>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Added: score {:.2f}, {:.0f} m². Ctrl+Z takes it back.</source>
            <translation>Hinzugefügt: Wert {:.2f}, {:.0f} m². Strg+Z nimmt es zurück.</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Asking the model...</source>
            <translation>Modell wird gefragt...</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Loading the model...</source>
            <translation>Modell wird geladen...</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Rendering the map...</source>
            <translation>Karte wird gezeichnet...</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>Score {:.2f}, {:.0f} m². Enter or a double click keeps it.</source>
            <translation>Wert {:.2f}, {:.0f} m². Eingabetaste oder Doppelklick behält es.</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>That building is there already.</source>
            <translation>Dieses Gebäude ist schon da.</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>The model sees no building here.</source>
            <translation>Das Modell sieht hier kein Gebäude.</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>The model sees no building there.</source>
            <translation>Das Modell sieht dort kein Gebäude.</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>The model sees no building there; nothing was added.</source>
            <translation>Das Modell sieht dort kein Gebäude; nichts wurde hinzugefügt.</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>expected a place on the layer, got one that its CRS does not reach; zoom to the layer</source>
            <translation>erwartet: ein Ort auf dem Layer, gefunden: einer, den sein KBS nicht erreicht; zoomen Sie auf den Layer</translation>
        </message>
        <message>
            <location filename="../gui/prompting.py" />
            <source>samft: a building in {}</source>
            <translation>samft: ein Gebäude in {}</translation>
        </message>
    </context>
    <context>
        <name>RasterSource</name>
        <message>
            <location filename="../core/raster_source.py" />
            <source>expected a raster that can be read, {}, got: {}; check the file</source>
            <translation>erwartet: ein lesbares Raster, {}, gemeldet: {}; prüfen Sie die Datei</translation>
        </message>
        <message>
            <location filename="../core/raster_source.py" />
            <source>expected a raster, got no file {}; check the path</source>
            <translation>erwartet: ein Raster, gefunden: keine Datei {}; prüfen Sie den Pfad</translation>
        </message>
        <message>
            <location filename="../core/raster_source.py" />
            <source>expected an area of up to {:.0f} million pixels of {:g} m to render {}, got {} x {} ({:,.1f} x {:,.1f} km); zoom in, or draw a smaller area</source>
            <translation>erwartet: eine Fläche von bis zu {:.0f} Millionen Pixeln von {:g} m, um {} zu zeichnen, gefunden: {} x {} ({:,.1f} x {:,.1f} km); zoomen Sie hinein, oder zeichnen Sie eine kleinere Fläche</translation>
        </message>
    </context>
    <context>
        <name>Rendering</name>
        <message>
            <location filename="../core/rendering.py" />
            <source>expected a picture of {}, got empty ground{}; zoom to where the layer has one</source>
            <translation>erwartet: ein Bild von {}, gefunden: leeres Gelände{}; zoomen Sie dorthin, wo der Layer eines hat</translation>
        </message>
        <message>
            <location filename="../core/rendering.py" />
            <source>expected a picture of {}, got from its server: {}; check the connection, or try again later</source>
            <translation>erwartet: ein Bild von {}, vom Server gemeldet: {}; prüfen Sie die Verbindung, oder versuchen Sie es später</translation>
        </message>
        <message>
            <location filename="../core/rendering.py" />
            <source>expected to write {}, got: {}; free some disk space</source>
            <translation>erwartet: {} zu schreiben, gemeldet: {}; machen Sie Platz auf der Platte</translation>
        </message>
    </context>
    <context>
        <name>Score</name>
        <message>
            <location filename="../processing/score.py" />
            <source>A page with the scores, a curve, and the places where they are worst.</source>
            <translation>Eine Seite mit den Werten, einer Kurve und den Orten, wo sie am schlechtesten sind.</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Buildings that are missed</source>
            <translation>Fehlende Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>F1 of buildings</source>
            <translation>F1 der Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>F1 of outlines</source>
            <translation>F1 der Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Footprints</source>
            <translation>Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Footprints that are right</source>
            <translation>Richtige Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Footprints that are wrong</source>
            <translation>Falsche Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>HTML files (*.html)</source>
            <translation>HTML-Dateien (*.html)</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Holds any layer of footprints against any layer of true buildings, whatever their CRS.

A footprint is right if it has an IoU of at least 0.5 with a building that no other footprint has taken (the SpaceNet metric). An outline is right where a true one lies within 1 m. Where footprints have the attribute score, those with a higher one choose first.

Only what is selected, filtered or edited counts, as QGIS shows it.</source>
            <translation>Hält einen Layer von Umrissen gegen einen Layer wahrer Gebäude, welches KBS sie auch haben.

Ein Umriss ist richtig, wenn er eine IoU von mindestens 0,5 mit einem Gebäude hat, das kein anderer genommen hat (das Maß von SpaceNet). Eine Linie ist richtig, wo eine wahre höchstens 1 m entfernt liegt. Haben Umrisse das Attribut score, wählen die mit höherem zuerst.

Es zählt nur, was gewählt, gefiltert oder bearbeitet ist, wie QGIS es zeigt.</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Holds footprints against labels, building by building.</source>
            <translation>Hält Umrisse gegen wahre Gebäude, eines nach dem anderen.</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Labels</source>
            <translation>Wahre Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Mean F1 over IoU 0.5 to 0.95</source>
            <translation>Mittlere F1 über IoU 0,5 bis 0,95</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Precision of buildings</source>
            <translation>Genauigkeit der Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Precision of outlines</source>
            <translation>Genauigkeit der Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Recall of buildings</source>
            <translation>Vollständigkeit der Gebäude</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Recall of outlines</source>
            <translation>Vollständigkeit der Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Report</source>
            <translation>Bericht</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Score footprints</source>
            <translation>Umrisse bewerten</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>Scores</source>
            <translation>Bewertung</translation>
        </message>
        <message>
            <location filename="../processing/score.py" />
            <source>buildings,accuracy,iou,f1,compare,quality</source>
            <translation>Gebäude,Genauigkeit,iou,f1,Vergleich,Qualität</translation>
        </message>
    </context>
    <context>
        <name>SegmentRaster</name>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Bundle</source>
            <translation>Bündel</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Extent</source>
            <translation>Ausschnitt</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Finds the buildings in a raster layer with a bundle that samft has trained, and gives their footprints in the layer's CRS.

Raster: any raster layer. Files are read as they are; other layers (WMS, XYZ, WCS, ArcGIS and more) are rendered at the bundle's resolution, as they look on the map, and need an extent.
Bundle: the folder that samft train leaves, RUN/bundle.
Extent: look only in here. Probabilities are those of the whole raster, so that footprints do not depend on the extent; outlines are cut at it.
Threshold: a pixel is building where its probability is not below; the bundle's own if empty.
Minimum area: smaller footprints are left out, in m2; the bundle's own if empty.
Straighten outlines: whether outlines are made simpler and squarer.

Every footprint has a score (its mean probability), its geodesic area in m2, the bundle's hash and the threshold. COUNT is the number of footprints; PROVENANCE tells, as JSON, what they were made from.

The work is done by the samft toolkit, installed in a Python of its own, in a process beside QGIS.</source>
            <translation>Findet die Gebäude in einem Rasterlayer mit einem Bündel, das samft trainiert hat, und gibt ihre Umrisse im KBS des Layers.

Raster: jeder Rasterlayer. Dateien werden gelesen, wie sie sind; andere Layer (WMS, XYZ, WCS, ArcGIS und mehr) werden mit der Auflösung des Bündels gezeichnet, wie sie auf der Karte aussehen, und brauchen einen Ausschnitt.
Bündel: der Ordner, den samft train hinterlässt, LAUF/bundle.
Ausschnitt: nur hier suchen. Die Wahrscheinlichkeiten sind die des ganzen Rasters, sodass Umrisse nicht vom Ausschnitt abhängen; sie enden an ihm.
Schwelle: Ein Pixel ist Gebäude, wo seine Wahrscheinlichkeit nicht darunter liegt; leer: die des Bündels.
Kleinste Fläche: kleinere Umrisse fallen weg, in m2; leer: die des Bündels.
Umrisse begradigen: ob Umrisse einfacher und rechtwinkliger werden.

Jeder Umriss hat einen Wert (seine mittlere Wahrscheinlichkeit), seine geodätische Fläche in m2, die Prüfsumme des Bündels und die Schwelle. COUNT ist die Zahl der Umrisse; PROVENANCE sagt, als JSON, woraus sie gemacht sind.

Die Arbeit tut das Werkzeug samft, das ein eigenes Python hat, in einem Prozess neben QGIS.</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Finds the buildings in a raster layer with a trained samft bundle.</source>
            <translation>Findet die Gebäude in einem Rasterlayer mit einem trainierten Bündel von samft.</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Footprints</source>
            <translation>Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Minimum area (m2)</source>
            <translation>Kleinste Fläche (m2)</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Number of footprints</source>
            <translation>Zahl der Umrisse</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Provenance</source>
            <translation>Herkunft</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Raster</source>
            <translation>Raster</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Segment raster</source>
            <translation>Raster segmentieren</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Straighten outlines</source>
            <translation>Umrisse begradigen</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>Threshold</source>
            <translation>Schwelle</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>buildings,footprints,segmentation,extract,segment anything,deep learning,sam</source>
            <translation>Gebäude,Umrisse,Segmentierung,Extraktion,segment anything,Deep Learning,sam</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>expected footprints in {}, got a file QGIS cannot read; run it again</source>
            <translation>erwartet: Umrisse in {}, gefunden: eine Datei, die QGIS nicht lesen kann; starten Sie noch einmal</translation>
        </message>
        <message>
            <location filename="../processing/segment_raster.py" />
            <source>{} footprints</source>
            <translation>{} Umrisse</translation>
        </message>
    </context>
    <context>
        <name>SegmentTask</name>
        <message>
            <location filename="../tasks/segment.py" />
            <source>Buildings in {}</source>
            <translation>Gebäude in {}</translation>
        </message>
        <message>
            <location filename="../tasks/segment.py" />
            <source>expected to find buildings, got {}; see the log</source>
            <translation>erwartet: Gebäude zu finden, gemeldet: {}; siehe Protokoll</translation>
        </message>
    </context>
    <context>
        <name>Segmenting</name>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Cancelled.</source>
            <translation>Abgebrochen.</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>No new footprints. A lower threshold finds more.</source>
            <translation>Keine neuen Umrisse. Eine tiefere Schwelle findet mehr.</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Not all of the extent was looked at.</source>
            <translation>Nicht der ganze Ausschnitt wurde angesehen.</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Starting...</source>
            <translation>Beginnt...</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>Stopping...</source>
            <translation>Hält an...</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>The latest footprints are saved or undone and stay as they are.</source>
            <translation>Die letzten Umrisse sind gespeichert oder zurückgenommen und bleiben, wie sie sind.</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>cancelled in the task manager</source>
            <translation>in der Aufgabenverwaltung abgebrochen</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>drawing outlines</source>
            <translation>Umrisse werden gezeichnet</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>finding buildings</source>
            <translation>Gebäude werden gesucht</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>loading the model</source>
            <translation>Modell wird geladen</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>rendering the map</source>
            <translation>Karte wird gezeichnet</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>samft: buildings in {}</source>
            <translation>samft: Gebäude in {}</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} The footprints are in a new temporary layer.</source>
            <translation>{} Die Umrisse sind in einem neuen temporären Layer.</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} footprints.</source>
            <translation>{} Umrisse.</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} footprints. Ctrl+Z takes them back, saving the layer keeps them.</source>
            <translation>{} Umrisse. Strg+Z nimmt sie zurück, Speichern des Layers behält sie.</translation>
        </message>
        <message>
            <location filename="../gui/segmenting.py" />
            <source>{} were there already.</source>
            <translation>{} waren schon da.</translation>
        </message>
    </context>
    <context>
        <name>SettingsPage</name>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Empty: look for it</source>
            <translation>Leer: danach suchen</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Find</source>
            <translation>Suchen</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Folder of bundles</source>
            <translation>Ordner der Bündel</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>It works: samft {} on Python {}, torch {}. Models run on: {}.</source>
            <translation>Es geht: samft {} mit Python {}, torch {}. Modelle laufen auf: {}.</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Look for samft toolkits</source>
            <translation>Nach samft suchen</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Looking...</source>
            <translation>Wird gesucht...</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Models</source>
            <translation>Modelle</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Models in this folder, and in the runs in it, can be chosen in the panel.</source>
            <translation>Modelle in diesem Ordner, und in den Läufen darin, stehen im Bedienfeld zur Wahl.</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>No toolkit found. Choose its samft command by hand, or set the toolkit up.</source>
            <translation>Kein Werkzeug gefunden. Wählen Sie den Befehl samft von Hand, oder richten Sie das Werkzeug ein.</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Not tested yet.</source>
            <translation>Noch nicht getestet.</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Not tested yet: {}</source>
            <translation>Noch nicht getestet: {}</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Open log</source>
            <translation>Protokoll öffnen</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Set up the toolkit...</source>
            <translation>Werkzeug einrichten...</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Test</source>
            <translation>Testen</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Test the samft toolkit</source>
            <translation>samft testen</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Testing {}; the first time takes a minute or two...</source>
            <translation>{} wird getestet; beim ersten Mal dauert das ein, zwei Minuten...</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>The samft command of an installed toolkit, such as .venv/bin/samft.</source>
            <translation>Der Befehl samft eines installierten Werkzeugs, etwa .venv/bin/samft.</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>Toolkit</source>
            <translation>Werkzeug</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>samft command</source>
            <translation>Befehl samft</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>samft {}: {}</source>
            <translation>samft {}: {}</translation>
        </message>
        <message>
            <location filename="../gui/settings_page.py" />
            <source>{} found; choose one, then test it.</source>
            <translation>{} gefunden; wählen Sie eines, dann testen Sie es.</translation>
        </message>
    </context>
    <context>
        <name>SetupDialog</name>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Browse...</source>
            <translation>Durchsuchen...</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Cancel</source>
            <translation>Abbrechen</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Cancelled; nothing was left behind.</source>
            <translation>Abgebrochen; nichts ist übrig geblieben.</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Choose a Python</source>
            <translation>Python wählen</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Folder</source>
            <translation>Ordner</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Further index</source>
            <translation>Weiteres Verzeichnis</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Installing; this may take many minutes...</source>
            <translation>Wird installiert; das kann viele Minuten dauern...</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>It works; {} is chosen.</source>
            <translation>Es geht; {} ist gewählt.</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Look for Pythons</source>
            <translation>Nach Python suchen</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Looking at the Python...</source>
            <translation>Python wird angesehen...</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Looking...</source>
            <translation>Wird gesucht...</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Makes a virtual environment and installs samft and what it needs in it, torch above all: 1 to 5 GB. QGIS's own Python is left alone. QGIS's proxy settings are used.</source>
            <translation>Macht eine virtuelle Umgebung und installiert darin samft und was es braucht, vor allem torch: 1 bis 5 GB. Das Python von QGIS bleibt, wie es ist. Die Proxy-Einstellungen von QGIS gelten.</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Making the virtual environment...</source>
            <translation>Virtuelle Umgebung wird gemacht...</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>No Python found; install one from python.org or your system's packages.</source>
            <translation>Kein Python gefunden; installieren Sie eines von python.org oder aus den Paketen Ihres Systems.</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Open log</source>
            <translation>Protokoll öffnen</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Options</source>
            <translation>Optionen</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Packages from</source>
            <translation>Pakete aus</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Python 3.10 or newer</source>
            <translation>Python 3.10 oder neuer</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Set up</source>
            <translation>Einrichten</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Set up the samft toolkit</source>
            <translation>samft einrichten</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Test the samft toolkit</source>
            <translation>samft testen</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Testing; the first time takes a minute or two...</source>
            <translation>Wird getestet; beim ersten Mal dauert das ein, zwei Minuten...</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>Without a GPU: PyTorch's index for CPUs, as its installation page names it; a tenth of the download.</source>
            <translation>Ohne GPU: das Verzeichnis von PyTorch für CPUs, wie es dessen Installationsseite nennt; ein Zehntel der Daten.</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>a folder of wheels, without the Internet</source>
            <translation>einem Ordner mit Wheels, ohne Internet</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>for training on Amazon SageMaker</source>
            <translation>für Training auf Amazon SageMaker</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>optional, https://...</source>
            <translation>freiwillig, https://...</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>step {} of {}</source>
            <translation>Schritt {} von {}</translation>
        </message>
        <message>
            <location filename="../gui/setup_dialog.py" />
            <source>the Python package index</source>
            <translation>dem Python-Paketverzeichnis</translation>
        </message>
    </context>
    <context>
        <name>SubmitTraining</name>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>A Hugging Face SamModel to start from instead, such as samft export writes.</source>
            <translation>Stattdessen ein SamModel von Hugging Face, wie es samft export schreibt.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>A profile of the AWS configuration.</source>
            <translation>Ein Profil der AWS-Konfiguration.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Chips folder</source>
            <translation>Ordner der Kacheln</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Dry run: send nothing, only describe it</source>
            <translation>Probelauf: nichts senden, nur beschreiben</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Folder of another model</source>
            <translation>Ordner eines anderen Modells</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Further settings</source>
            <translation>Weitere Einstellungen</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Longest time that is paid for (hours)</source>
            <translation>Längste Zeit, die bezahlt wird (Stunden)</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Model</source>
            <translation>Modell</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Model, machine and settings for a size of model; all others win over them.</source>
            <translation>Modell, Maschine und Einstellungen für eine Größe des Modells; alle anderen gehen vor.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Name of the job</source>
            <translation>Name des Auftrags</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>On Spot, which is cheaper and may be interrupted</source>
            <translation>Auf Spot, was billiger ist und unterbrochen werden kann</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>One key=value a line, such as epochs=20, learning_rate=0.0001 or batch_size=8.</source>
            <translation>Je Zeile ein name=wert, etwa epochs=20, learning_rate=0.0001 oder batch_size=8.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Place on S3</source>
            <translation>Ort auf S3</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Preset</source>
            <translation>Voreinstellung</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Profile</source>
            <translation>Profil</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Region</source>
            <translation>Region</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Role (ARN)</source>
            <translation>Rolle (ARN)</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>SageMaker</source>
            <translation>SageMaker</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Sends a chips folder to S3 and starts a training job on Amazon SageMaker, which costs money. A dry run, which is the default, sends nothing: it shows the request, the uploads and the longest time that is paid for.

Credentials are those of the AWS configuration (a profile, or environment variables); the toolkit needs its extra aws. The job's name is what Fetch trained model takes.</source>
            <translation>Sendet einen Kachelordner an S3 und startet einen Trainingsauftrag auf Amazon SageMaker, was Geld kostet. Ein Probelauf, das Übliche, sendet nichts: Er zeigt die Anfrage, was gesendet würde, und die längste Zeit, die bezahlt wird.

Die Zugangsdaten sind die der AWS-Konfiguration (ein Profil oder Umgebungsvariablen); das Werkzeug braucht seinen Zusatz aws. Den Namen des Auftrags nimmt „Trainiertes Modell holen“.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Sends chips to AWS and starts a training job there. It costs money.</source>
            <translation>Sendet Kacheln an AWS und startet dort einen Trainingsauftrag. Das kostet Geld.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Submit training to SageMaker</source>
            <translation>Training an SageMaker geben</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Such as ml.g5.xlarge, which is the default; the preset's if empty.</source>
            <translation>Etwa ml.g5.xlarge, das Übliche; leer: die der Voreinstellung.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>That of the AWS configuration if empty.</source>
            <translation>Leer: die der AWS-Konfiguration.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>The preset's, or 24, if empty.</source>
            <translation>Leer: die der Voreinstellung, oder 24.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>The role that the job runs as.</source>
            <translation>Die Rolle, unter der der Auftrag läuft.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>Type of machine</source>
            <translation>Art der Maschine</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>What a dry run would ask for, as JSON</source>
            <translation>Was ein Probelauf anfragen würde, als JSON</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>What training starts from; the preset's, or facebook/sam-vit-base, by default.</source>
            <translation>Womit das Training beginnt; sonst das der Voreinstellung, oder facebook/sam-vit-base.</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>buildings,aws,cloud,gpu,training,deep learning,sam</source>
            <translation>Gebäude,aws,Cloud,gpu,Training,Deep Learning,sam</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>expected the name of a job, got: {}; see samft jobs list</source>
            <translation>erwartet: der Name eines Auftrags, gemeldet: {}; siehe samft jobs list</translation>
        </message>
        <message>
            <location filename="../processing/submit_training.py" />
            <source>s3://BUCKET/PREFIX, for chips, code, checkpoints and models.</source>
            <translation>s3://BUCKET/PREFIX, für Kacheln, Code, Zwischenstände und Modelle.</translation>
        </message>
    </context>
    <context>
        <name>Target</name>
        <message>
            <location filename="../core/target.py" />
            <source>expected a file ending in .gpkg, got {}; choose another name</source>
            <translation>erwartet: eine Datei mit der Endung .gpkg, gefunden: {}; wählen Sie einen anderen Namen</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a file for footprints, got none; choose one</source>
            <translation>erwartet: eine Datei für Umrisse, gefunden: keine; wählen Sie eine</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a folder to write in, got {}; choose another file</source>
            <translation>erwartet: ein Ordner, in den geschrieben werden kann, gefunden: {}; wählen Sie eine andere Datei</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a folder {}, got none; choose another file</source>
            <translation>erwartet: ein Ordner {}, gefunden: keiner; wählen Sie eine andere Datei</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer for footprints, got none; choose one</source>
            <translation>erwartet: ein Layer für Umrisse, gefunden: keiner; wählen Sie einen</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer that QGIS can read, got {}; choose another</source>
            <translation>erwartet: ein Layer, den QGIS lesen kann, gefunden: {}; wählen Sie einen anderen</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer that can be edited, got {}, which is read-only; choose another</source>
            <translation>erwartet: ein Layer zum Bearbeiten, gefunden: {}, der nur lesbar ist; wählen Sie einen anderen</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a layer with a CRS, got {} without one; set it in its properties</source>
            <translation>erwartet: ein Layer mit KBS, gefunden: {} ohne; setzen Sie es in seinen Eigenschaften</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a new file, got {}, which exists; choose another name</source>
            <translation>erwartet: eine neue Datei, gefunden: {}, die es schon gibt; wählen Sie einen anderen Namen</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a new file, got {}, which is open here; choose its layer instead</source>
            <translation>erwartet: eine neue Datei, gefunden: {}, die hier offen ist; wählen Sie stattdessen ihren Layer</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected a polygon layer, got {}; choose another</source>
            <translation>erwartet: ein Polygonlayer, gefunden: {}; wählen Sie einen anderen</translation>
        </message>
        <message>
            <location filename="../core/target.py" />
            <source>expected the layer that was chosen for footprints, got none: it was removed</source>
            <translation>erwartet: der für Umrisse gewählte Layer, gefunden: keiner, er wurde entfernt</translation>
        </message>
    </context>
    <context>
        <name>TargetBox</name>
        <message>
            <location filename="../gui/target_box.py" />
            <source>A new GeoPackage for footprints</source>
            <translation>Ein neues GeoPackage für Umrisse</translation>
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>GeoPackage</source>
            <translation>GeoPackage</translation>
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>Layer of this project</source>
            <translation>Layer dieses Projekts</translation>
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>New GeoPackage</source>
            <translation>Neues GeoPackage</translation>
        </message>
        <message>
            <location filename="../gui/target_box.py" />
            <source>New temporary layer</source>
            <translation>Neuer temporärer Layer</translation>
        </message>
    </context>
    <context>
        <name>Train</name>
        <message>
            <location filename="../processing/train.py" />
            <source>A Hugging Face SamModel to start from instead, such as samft export writes.</source>
            <translation>Stattdessen ein SamModel von Hugging Face, wie es samft export schreibt.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Bundle</source>
            <translation>Bündel</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Chips folder</source>
            <translation>Ordner der Kacheln</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Device</source>
            <translation>Gerät</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Epochs</source>
            <translation>Epochen</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>F1 of buildings on the val chips</source>
            <translation>F1 der Gebäude auf den Kacheln val</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Fine-tunes a Segment Anything Model on a chips folder.</source>
            <translation>Trainiert ein Segment Anything Model auf einem Kachelordner weiter.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Fine-tunes a Segment Anything Model on a folder that Prepare training chips has made. The bundle it leaves is what Segment raster takes.

Models of the hub are downloaded once. samft-tiny is a small model that learns from nothing, in minutes without a GPU, for trying things out; facebook/sam-vit-base wants a GPU, or hours.

A run that was cancelled or interrupted goes on where it was when it is started again with the same settings and the same run folder. Its page, report.html, can be looked at while it lasts.</source>
            <translation>Trainiert ein Segment Anything Model auf einem Ordner weiter, den „Trainingskacheln vorbereiten“ gemacht hat. Das Bündel, das es hinterlässt, nimmt „Raster segmentieren“.

Modelle vom Hub werden einmal heruntergeladen. samft-tiny ist ein kleines Modell, das von nichts lernt, in Minuten ohne GPU, zum Ausprobieren; facebook/sam-vit-base will eine GPU oder Stunden.

Ein abgebrochener oder unterbrochener Lauf geht weiter, wo er war, wenn er mit denselben Einstellungen und demselben Ordner noch einmal gestartet wird. Seine Seite report.html kann man ansehen, während er läuft.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Folder of another model</source>
            <translation>Ordner eines anderen Modells</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Further settings</source>
            <translation>Weitere Einstellungen</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>IoU of pixels on the val chips</source>
            <translation>IoU der Pixel auf den Kacheln val</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Model</source>
            <translation>Modell</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>One key=value a line, such as train=lora, learning_rate=0.0001 or batch_size=8.</source>
            <translation>Je Zeile ein name=wert, etwa train=lora, learning_rate=0.0001 oder batch_size=8.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Passes over the training chips; the preset's or the model's own number if empty.</source>
            <translation>Durchgänge durch die Trainingskacheln; leer: die Zahl der Voreinstellung oder des Modells.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Preset</source>
            <translation>Voreinstellung</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Report</source>
            <translation>Bericht</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Run folder</source>
            <translation>Ordner des Laufs</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Settings for a kind of machine; epochs and further settings win over them.</source>
            <translation>Einstellungen für eine Art von Maschine; Epochen und weitere Einstellungen gehen vor.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Threshold</source>
            <translation>Schwelle</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Train on this computer</source>
            <translation>Auf diesem Rechner trainieren</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>Training</source>
            <translation>Training</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>What training starts from.</source>
            <translation>Womit das Training beginnt.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>auto (a GPU where there is one), cpu, cuda, cuda:1 or mps.</source>
            <translation>auto (eine GPU, wo es eine gibt), cpu, cuda, cuda:1 oder mps.</translation>
        </message>
        <message>
            <location filename="../processing/train.py" />
            <source>buildings,fine-tune,training,deep learning,segment anything,sam</source>
            <translation>Gebäude,Fine-Tuning,Training,Deep Learning,segment anything,sam</translation>
        </message>
    </context>
    <context>
        <name>Window</name>
        <message>
            <location filename="../gui/window.py" />
            <source>By box</source>
            <translation>Mit Rahmen</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>By points</source>
            <translation>Mit Punkten</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Drag a box around one building to outline it.</source>
            <translation>Ziehen Sie einen Rahmen um ein Gebäude, um es zu umreißen.</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Drawn area</source>
            <translation>Gezeichnete Fläche</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Find all buildings in an area: drag a rectangle, or click corners and end with a double click.</source>
            <translation>Alle Gebäude in einer Fläche finden: Ziehen Sie ein Rechteck, oder klicken Sie Ecken und enden Sie mit einem Doppelklick.</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Find all buildings in what the map shows.</source>
            <translation>Alle Gebäude in dem finden, was die Karte zeigt.</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Prompt by box</source>
            <translation>Mit Rahmen fragen</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Prompt by points</source>
            <translation>Mit Punkten fragen</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Rest on a building to see its outline. Left: on it, right: off it, Enter keeps, Escape clears.</source>
            <translation>Auf einem Gebäude ruhen zeigt seinen Umriss. Links: darauf, rechts: daneben, Eingabetaste behält, Escape leert.</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Segment drawn area</source>
            <translation>Gezeichnete Fläche segmentieren</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Segment visible extent</source>
            <translation>Sichtbaren Ausschnitt segmentieren</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Show or hide the panel of samft.</source>
            <translation>Das Bedienfeld von samft zeigen oder verbergen.</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>Visible extent</source>
            <translation>Sichtbarer Ausschnitt</translation>
        </message>
        <message>
            <location filename="../gui/window.py" />
            <source>samft panel</source>
            <translation>Bedienfeld von samft</translation>
        </message>
    </context>
</TS>
